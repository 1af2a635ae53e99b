/** Runs one command line to its exit code. Every error that reaches an operator passes through here. */
import { reportOf, version } from "@stack/base";
import { type CliContext, createSession, type GlobalFlags } from "./io/session.ts";
import { createProgram, type ProgramResult, translateParseError } from "./program.ts";

/**
 * @param words the command line without node and the script
 * @returns the exit code
 */
export async function main(words: readonly string[], context: CliContext): Promise<number> {
  if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
    context.stdout.write(`stack ${version}\n`);
    return 0;
  }
  const result: ProgramResult = { exit: 0 };
  try {
    const program = createProgram(context, result);
    await program.parseAsync(words, { from: "user" });
    return result.exit;
  } catch (thrown) {
    const error = translateParseError(thrown, words);
    return error === undefined ? 0 : fail(error, words, context);
  }
}

function fail(error: unknown, words: readonly string[], context: CliContext): number {
  const report = reportOf(error);
  // The command line may be what is wrong, so the few flags that matter here are looked up plainly.
  const flags: GlobalFlags = {
    json: words.includes("--json"),
    verbose: words.includes("-v") || words.includes("--verbose"),
  };
  createSession(context, flags).report([report]);
  if (flags.verbose === true && error instanceof Error) {
    context.stderr.write(`\n${error.stack ?? ""}\n`);
  }
  return report.exit;
}
