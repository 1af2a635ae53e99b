import { version } from "@stack/base";

process.stdout.write(`stack ${version}\n`);
