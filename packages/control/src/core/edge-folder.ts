/** Where edges have their sockets: arbiters, which are told no more than where `run/` is, look for them there. */
export function edgeFolder(run: string): string {
  return `${run}/@edge`; // no app can have this name
}
