/** `edge.admin`: where metrics are served. */
import { parseAddress } from "@stack/base";
import { z } from "zod";

const address = z.string().superRefine((text, context) => {
  const parsed = parseAddress(text);
  if (parsed !== undefined && (parsed.kind === "unix" || parsed.port > 0)) return;
  context.addIssue({
    code: "custom",
    message: `${JSON.stringify(text)} is no address. Use "127.0.0.1:9100" or "unix:run/metrics.sock"`,
  });
});

/** Only people of this machine get there. */
function isLocal(text: string): boolean {
  const parsed = parseAddress(text);
  if (parsed === undefined || parsed.kind === "unix") return true;
  return /^127\.|^::1$|^localhost$/.test(parsed.host);
}

const withToken = z
  .strictObject({
    address: address.meta({
      description: '"host:port" or "unix:path".',
      examples: ["10.0.0.5:9100"],
    }),
    token: z
      .string()
      .regex(/^[!-~]{16,}$/, "Use at least 16 characters, none of them a space")
      .optional()
      .meta({
        description:
          "What a request must say as `Authorization: Bearer TOKEN`; needed where others than this machine can connect.",
      }),
  })
  .superRefine(({ address, token }, context) => {
    if (token !== undefined || isLocal(address)) return;
    context.addIssue({
      code: "custom",
      path: ["address"],
      message: `${address} can be reached from elsewhere: add a token, or use "127.0.0.1:9100"`,
    });
  });

const plain = address.refine(isLocal, {
  error: 'It can be reached from elsewhere: write { address, token }, or use "127.0.0.1:9100"',
});

export const adminSchema = z
  .union([z.literal(false), plain, withToken], {
    error: 'Use "127.0.0.1:9100", "unix:path", { address, token } or false',
  })
  .optional()
  .meta({
    description:
      "Where else Prometheus finds the metrics, at `/metrics`, besides `.stack/run/@edge/admin.sock`, which `stack metrics` reads; `false`: nowhere at all.",
    examples: ["127.0.0.1:9100"],
  });
