/**
 * The log of the stack's own processes: one plain line per event on standard output, read by the
 * keeper, which adds the time and the name of the process.
 *
 * Levels: error, a request or process failed; warn, failed and recovered; info, start, stop,
 * reload; debug, the rest.
 */

export interface Logger {
  readonly error: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly debug: (message: string) => void;
}

/**
 * @param write takes one line with its newline; usually `(line) => process.stdout.write(line)`
 * @param verbose whether debug lines are written
 */
export function createLogger(write: (line: string) => void, verbose = false): Logger {
  const at = (level: string) => (message: string) => {
    write(`${level} ${message.replaceAll("\n", "\\n")}\n`);
  };
  return {
    error: at("ERROR"),
    warn: at("WARN"),
    info: at("INFO"),
    debug: verbose ? at("DEBUG") : () => {},
  };
}
