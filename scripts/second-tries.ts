/** A vitest reporter: names the tests that passed only when they were tried again. Each is a fault, of the test or of ours. */
import type { Reporter, TestCase } from "vitest/node";

export const secondTries: Reporter = {
  onTestRunEnd(modules) {
    const found = modules.flatMap((module) =>
      [...module.children.allTests()].filter((test) => test.diagnostic()?.flaky === true),
    );
    if (found.length === 0) return;
    console.log(`\n${found.length} passed only at the second try:`);
    for (const test of found) {
      console.log(`  ${test.module.relativeModuleId}: ${test.fullName}\n    ${firstError(test)}`);
    }
  },
};

function firstError(test: TestCase): string {
  return test.result().errors?.[0]?.message.split("\n")[0] ?? "no message was kept";
}
