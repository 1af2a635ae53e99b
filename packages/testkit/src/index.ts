export { freePort } from "./free-port.ts";
export { exchangeRaw } from "./raw-http.ts";
export { type TempFolder, tempFolder } from "./temp-folder.ts";
export { eventually, nextEvent } from "./wait.ts";
