/**
 * What `import { defineConfig } from "@stack/config"` means inside a deploy.config.ts: the loader
 * points that name at this file, so it must stay free of imports that cost time.
 */
import type { ConfigInput } from "./schema/config.ts";

/** What a config may export by default: the config itself, or a function that makes it. */
export type ConfigExport = ConfigInput | (() => ConfigInput | Promise<ConfigInput>);

/** Returns its argument; it is there for the editor, which now knows every key and its type. */
export function defineConfig<Config extends ConfigExport>(config: Config): Config {
  return config;
}
