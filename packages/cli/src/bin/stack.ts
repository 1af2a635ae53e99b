/** `stack`: the process around `main`. */
import { main } from "../main.ts";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0); // `stack logs | head` has read enough
  throw error;
});

// A copy: what is set later for our own libraries must not reach the children.
const env = { ...process.env };
process.env["NODE_ENV"] = "production"; // before the dashboard loads React
process.exit(
  await main(process.argv.slice(2), {
    env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  }),
);
