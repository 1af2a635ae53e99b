/** The php-fpm of Debian, whatever its version. */
import { readdirSync } from "node:fs";

export function findPhpFpm(): string {
  const name = readdirSync("/usr/sbin").find((entry) => /^php-fpm\d/.test(entry));
  return name === undefined ? "php-fpm" : `/usr/sbin/${name}`;
}

/** One worker, no more: what it cannot do at once shows. */
export function fpmConfig(folder: string): string {
  return `[global]
error_log = ${folder}/fpm.log
daemonize = no
[www]
listen = ${folder}/fpm.sock
${process.getuid?.() === 0 ? "user = nobody\ngroup = nogroup\n" : ""}pm = static
pm.max_children = 1
catch_workers_output = no
php_admin_value[error_log] = ""
php_admin_flag[log_errors] = on
php_admin_flag[display_errors] = off
`;
}
