/** The version of all `@stack/*` packages, as `stack --version` prints it. */
export const version = "0.1.0";
