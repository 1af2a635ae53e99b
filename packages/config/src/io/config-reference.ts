/**
 * The reference page of deploy.config.ts as Markdown. Loads the schema only when asked, so that
 * the long-lived processes that import this package do not carry it.
 */
export async function configReference(): Promise<string> {
  const { formatReference } = await import("../core/reference.ts");
  const { configJsonSchema } = await import("../core/schema-keys.ts");
  return formatReference(configJsonSchema());
}
