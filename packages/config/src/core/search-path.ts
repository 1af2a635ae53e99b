/** The PATH that children get: without the folders that npm and npx put in front of it. */

/** "/x/node_modules/.bin:/usr/bin" is ["/usr/bin"]. */
export function searchPath(path: string | undefined): readonly string[] {
  return (path ?? "")
    .split(":")
    .filter(
      (folder) => folder !== "" && !/\/node_modules\/\.bin\/?$|\/node-gyp-bin\/?$/.test(folder),
    );
}
