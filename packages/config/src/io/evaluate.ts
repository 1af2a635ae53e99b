/**
 * Runs a config and returns what it exports by default. Only the loader's child calls this: a
 * config may do anything, and what it does ends with that process.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { types } from "node:util";
import { createJiti } from "jiti";
import { formatFrame } from "../core/frame.ts";
import type { Places } from "../core/place-of.ts";
import { readPlaces } from "../core/places.ts";
import { ownFrame, syntaxErrorIn } from "../core/stack-trace.ts";
import { configMissing, configNotExported, configSyntax, configThrew } from "../errors.ts";

/** What `@stack/config` is to a config: the function it calls, and nothing else of ours. */
const defineConfigFile = fileURLToPath(
  new URL("define-config.js", import.meta.resolve("@stack/config")),
);

export interface ConfigSource {
  readonly source: string;
  readonly places: Places;
}

/** @throws E1000 when it cannot be read, E1001 when it cannot be parsed */
export function readSource(file: string): ConfigSource {
  const source = readFile(file);
  const reading = readPlaces(source, basename(file));
  if (reading.kind === "places") return { source, places: reading.places };
  const { line, column, message } = reading;
  throw configSyntax({
    place: { file: basename(file), line, column },
    message,
    frame: formatFrame(source, line, column),
  });
}

/**
 * @param keptIn a folder for the JavaScript that files became; a change of a file's text is always seen
 * @throws E1001 (in a file that the config imports), E1003, E1004
 */
export async function evaluateConfig(file: string, keptIn: string | undefined): Promise<unknown> {
  const jiti = createJiti(file, {
    fsCache: keptIn ?? false,
    moduleCache: false,
    interopDefault: false,
    alias: { "@stack/config": defineConfigFile },
  });
  let exported: unknown;
  try {
    exported = defaultExport(await jiti.import(file));
    exported = typeof exported === "function" ? await exported() : await exported;
  } catch (error) {
    throw explainThrown(error, file);
  }
  if (typeof exported === "object" && exported !== null && !Array.isArray(exported)) {
    return exported;
  }
  const got = Array.isArray(exported) ? "a list" : exported === null ? "null" : typeof exported;
  throw configNotExported({ file: basename(file), got });
}

/** Of an ES module its default export; a CommonJS module is what it assigned to `module.exports`. */
function defaultExport(module: unknown): unknown {
  if (typeof module !== "object" || module === null) return module;
  if ("default" in module) return module.default;
  const isNamespace = "__esModule" in module || types.isModuleNamespaceObject(module);
  return isNamespace ? undefined : module;
}

/** What the config threw, with the line of the config it came from. */
export function explainThrown(error: unknown, file: string): Error {
  const syntax = syntaxErrorIn(error);
  if (syntax !== undefined) {
    const { line, column, message } = syntax;
    const place = { file: syntax.file === file ? basename(file) : syntax.file, line, column };
    return configSyntax({ place, message, frame: frameOf(syntax.file, line, column) }, error);
  }
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frame = ownFrame(stack, file);
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const [firstLine = "", ...more] = text.split("\n");
  return configThrew(
    {
      place: { file: basename(file), ...(frame === undefined ? {} : frame) },
      did: `threw ${firstLine}`,
      facts: [
        ...more.slice(0, 3),
        ...(frame === undefined ? [] : frameOf(file, frame.line, frame.column)),
      ],
    },
    error,
  );
}

function frameOf(file: string, line: number, column: number): readonly string[] {
  try {
    return formatFrame(readFileSync(file, "utf8"), line, column);
  } catch {
    return [];
  }
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw configMissing(
      {
        explicit: file,
        lookedIn: [file],
        names: [basename(file)],
        looksLike: null,
        fix: `make ${file} readable`,
      },
      error,
    );
  }
}
