import { fileURLToPath } from "node:url";

/** The applications that are measured. */
export const appsFolder = fileURLToPath(new URL("../apps", import.meta.url));
