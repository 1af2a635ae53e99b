/** The environment children get: the operator's own, without what npm and npx added to it. */

/**
 * Takes out `npm_*`, `INIT_CWD` and npm's folders on the PATH, so that a stack started by `npx`
 * runs the same programs as one started by systemd.
 */
export function cleanEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || isFromNpm(name)) continue;
    clean[name] = name === "PATH" ? cleanPath(value) : value;
  }
  return clean;
}

function isFromNpm(name: string): boolean {
  return /^npm_/i.test(name) || name === "INIT_CWD" || name === "NODE_CHANNEL_FD";
}

function cleanPath(path: string): string {
  return path
    .split(":")
    .filter((folder) => !/\/node_modules\/\.bin\/?$|\/node-gyp-bin\/?$/.test(folder))
    .join(":");
}
