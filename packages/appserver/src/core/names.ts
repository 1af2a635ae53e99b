/** The names of an instance's workers and sockets, and which files in its folder are its own. */

/** Who asks: one arbiter is one instance of an app. */
export interface InstanceName {
  readonly app: string;
  readonly instance: number;
}

/** What people see, "shop-1", and the source of what it prints in the logs. */
export function instanceLabel({ app, instance }: InstanceName): string {
  return `${app}-${instance}`;
}

/** What people see, "shop-1.2": app, instance, worker slot. */
export function workerId(name: InstanceName, slot: number): string {
  return `${instanceLabel(name)}.${slot}`;
}

/** Unique over all generations and restarts, "shop-1.2@3.17". */
export function workerKey(id: string, generation: number, serial: number): string {
  return `${id}@${generation}.${serial}`;
}

/** Below `run/`: no app can have this name. */
export const arbitersFolder = "@arbiters";

/** The arbiter's own socket, below `run/@arbiters/`. */
export function controlSocketName(app: string, instance: number): string {
  return `${app}-${instance}.sock`;
}

/** A worker's socket, below `run/APP/`. */
export function workerSocketName(instance: number, generation: number, serial: number): string {
  return `${instance}-${generation}-${serial}.sock`;
}

/** Whether a file in `run/APP/` is this instance's: a new arbiter removes what an old one left. */
export function isOwnSocket(instance: number, file: string): boolean {
  return /^(\d+)-\d+-\d+\.sock(\.stacks)?$/.exec(file)?.[1] === `${instance}`;
}

/** The generation of `edge-G.sock` in the folder of edges; undefined for any other file. */
export function parseEdgeSocketName(file: string): number | undefined {
  const match = /^edge-(\d+)\.sock$/.exec(file);
  return match === null ? undefined : Number(match[1]);
}
