/**
 * What `import { defineConfig } from "@stack/config"` means inside a deploy.config.ts: the loader
 * points that name at this file, so it must stay free of imports that cost time.
 */
import type { ConfigInput as Input } from "./schema/config.ts";

/** Lists and objects that nobody changes are as good: a config may be written `as const`. */
type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Frozen<Value[Key]> }
    : Value;

/** What a person may write in deploy.config.ts. */
export type ConfigInput = Frozen<Input>;

/** What a config may export by default: the config itself, or a function that makes it. */
export type ConfigExport = ConfigInput | (() => ConfigInput | Promise<ConfigInput>);

/** Returns its argument; it is there for the editor, which now knows every key and its type. */
export function defineConfig<Config extends ConfigExport>(config: Config): Config {
  return config;
}
