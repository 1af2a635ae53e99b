/** The library has no types of its own. */
declare module "apache-md5" {
  /** @param hash whose salt and kind are used */
  function hashApr1(password: string, hash: string): string;
  export = hashApr1;
}
