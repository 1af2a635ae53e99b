/**
 * A file of users and hashed passwords as Apache's `htpasswd` writes it: `name:hash`, one a line.
 * Hashes that anybody can undo (crypt, plain text) let nobody in and are told.
 */

export interface PasswordFile {
  /** By user. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Lines that let nobody in, and why. */
  readonly problems: readonly string[];
}

/** bcrypt; apr1 and its ancestor; SHA-1; SHA-256 and SHA-512 of crypt(3). */
const known = [
  /^\$2[aby]\$(?:0[4-9]|1[0-7])\$[./A-Za-z0-9]{53}$/,
  /^\$(?:apr1|1)\$[^$:\s]{1,8}\$[./A-Za-z0-9]{22}$/,
  /^\{SHA\}[A-Za-z0-9+/]{27}=$/,
  /^\$5\$(?:rounds=\d{4,7}\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{43}$/,
  /^\$6\$(?:rounds=\d{4,7}\$)?[^$:\s]{1,16}\$[./A-Za-z0-9]{86}$/,
];

export function parsePasswordFile(text: string): PasswordFile {
  const hashes = new Map<string, string>();
  const problems: string[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return;
    // What follows another colon is a comment, as nginx reads it.
    const [user = "", hash] = line.split(":");
    if (user === "" || hash === undefined) problems.push(`line ${index + 1} is not "name:hash"`);
    else if (hashes.has(user)) problems.push(`line ${index + 1} names a user a second time`);
    else if (known.some((form) => form.test(hash.trim()))) hashes.set(user, hash.trim());
    else problems.push(`line ${index + 1} has no hash that is safe; make it anew with htpasswd -B`);
  });
  return { hashes, problems };
}
