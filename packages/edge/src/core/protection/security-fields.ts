/**
 * The header fields of `security`: what browsers should refuse, said for a whole site. An answer that
 * has a field of its own keeps it, since the app knows its page better.
 */
import type { SecurityPreset } from "@stack/config";

type Field = readonly [name: string, value: string];

const common: readonly Field[] = [
  ["X-Content-Type-Options", "nosniff"],
  ["Referrer-Policy", "strict-origin-when-cross-origin"],
  ["Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"],
  ["Cross-Origin-Opener-Policy", "same-origin"],
];

const presets: Readonly<Record<SecurityPreset, readonly Field[]>> = {
  strict: [
    ...common,
    ["X-Frame-Options", "DENY"],
    ["Content-Security-Policy", "frame-ancestors 'none'"],
  ],
  "same-origin": [
    ...common,
    ["X-Frame-Options", "SAMEORIGIN"],
    ["Content-Security-Policy", "frame-ancestors 'self'"],
  ],
};

/** Adds to `Name: value\r\n` lines what they do not have. */
export function createSecurityFields(preset: SecurityPreset): (fields: string) => string {
  const added = presets[preset].map(([name, value]) => ({
    own: new RegExp(`(?:^|\\n)${name}:`, "i"),
    line: `${name}: ${value}\r\n`,
  }));
  return (fields) => {
    let out = fields;
    for (const { own, line } of added) if (!own.test(fields)) out += line;
    return out;
  };
}
