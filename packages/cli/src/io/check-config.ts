/** Goes through a resolved config and sees whether what it names is there. Starts none of it. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { formatAddress, parsePythonTarget, type StackError } from "@stack/base";
import type { AppPlan, ResolvedConfig } from "@stack/config";
import {
  cannotStart,
  cleanEnvironment,
  explainListen,
  pythonMissing,
  pythonUnusable,
} from "@stack/process";
import { judgeModule } from "../core/judge-module.ts";
import type { Environment } from "../core/paint.ts";
import { checkEdgeUser } from "./check-edge-user.ts";
import { inspectModule } from "./inspect-module.ts";
import { tryListen } from "./try-listen.ts";

/** One thing looked at. */
export interface Finding {
  readonly name: string;
  /** What was found, in words. */
  readonly text: string;
  readonly error: StackError | null;
  /** Nothing is wrong, but it could be better. */
  readonly isWarning?: true;
}

/** @param ours addresses held by this very stack, which runs: they are not looked at */
export async function checkConfig(
  config: ResolvedConfig,
  env: Environment,
  ours: boolean,
): Promise<readonly Finding[]> {
  const apps = await Promise.all(Object.values(config.apps).map((plan) => checkApp(plan, env)));
  const programs = Object.values(config.programs).map((plan): Finding => {
    const error =
      checkFolder(plan.name, plan.cwd, `programs.${plan.name}.cwd`, plan) ??
      checkCommand(
        plan.name,
        plan.command[0],
        plan.cwd,
        `programs.${plan.name}.command`,
        plan,
        env,
      );
    return { name: plan.name, text: plan.command.join(" "), error };
  });
  return [
    ...apps,
    ...programs,
    ...(await checkListeners(config, ours)),
    ...(await checkEdgeUser(config)),
  ];
}

async function checkApp(plan: AppPlan, env: Environment): Promise<Finding> {
  const key = `apps.${plan.name}`;
  const folder = checkFolder(plan.name, plan.cwd, `${key}.cwd`, plan);
  if (folder !== null) return { name: plan.name, text: plan.cwd, error: folder };
  switch (plan.kind) {
    case "wsgi":
    case "asgi":
      return checkPython(plan, env);
    case "node": {
      const error = existsSync(plan.entry)
        ? null
        : cannotStart({
            name: plan.name,
            what: plan.entry,
            reason: "there is no such file",
            key: `${key}.entry`,
            place: plan.place,
          });
      return { name: plan.name, text: plan.entry, error };
    }
    case "command":
      return {
        name: plan.name,
        text: plan.command.join(" "),
        error: checkCommand(plan.name, plan.command[0], plan.cwd, `${key}.command`, plan, env),
      };
  }
}

async function checkPython(
  plan: Extract<AppPlan, { kind: "wsgi" | "asgi" }>,
  env: Environment,
): Promise<Finding> {
  const { name, app, cwd, place } = plan;
  if (plan.python === null) {
    return {
      name,
      text: app,
      error: pythonMissing({ app: name, tried: plan.pythonTried, cwd, place }),
    };
  }
  const named = parsePythonTarget(app);
  const module = named.kind === "file" ? named.path : named.module;
  const variables: Environment = { ...env, ...plan.env };
  const { PYTHONPATH: inherited } = variables;
  const path = [...(plan.pythonPath ?? []), ...(inherited ? [inherited] : [])];
  const seen = await inspectModule(plan.python, module, cwd, {
    ...variables,
    ...(path.length === 0 ? {} : { PYTHONPATH: path.join(":") }),
  });
  if (seen.kind === "broken") {
    const error = pythonUnusable({ app: name, python: plan.python, facts: seen.lines, place });
    return { name, text: app, error };
  }
  return {
    name,
    text: `${app}  Python ${seen.facts.version}`,
    error: judgeModule(plan, seen.facts) ?? null,
  };
}

type Named = Pick<AppPlan, "place">;

function checkFolder(name: string, cwd: string, key: string, plan: Named): StackError | null {
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() === true) return null;
  return cannotStart({
    name,
    what: `in ${cwd}`,
    reason: "there is no such folder",
    key,
    place: plan.place,
  });
}

function checkCommand(
  name: string,
  program: string,
  cwd: string,
  key: string,
  plan: Named,
  env: Environment,
): StackError | null {
  const path = cleanEnvironment(env)["PATH"] ?? "";
  const candidates = program.includes("/")
    ? [isAbsolute(program) ? program : join(cwd, program)]
    : path.split(delimiter).map((folder) => join(folder, program));
  if (candidates.some(isExecutable)) return null;
  const reason = program.includes("/")
    ? "there is no such program, or it is not executable"
    : `no folder of the PATH has it: ${path}`;
  return cannotStart({ name, what: program, reason, key, place: plan.place });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function checkListeners(config: ResolvedConfig, ours: boolean): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, address } of config.edge.listeners) {
    const shown = formatAddress(address);
    const place = config.places[name] ?? { file: config.file, configPath: name };
    const problem = ours ? undefined : await tryListen(address);
    findings.push({
      name: shown,
      text: ours ? "held by this stack, which runs" : (problem?.code ?? "free"),
      error: problem === undefined ? null : explainListen(problem, address, place),
    });
  }
  return findings;
}
