/**
 * What the options of listeners need besides their form: files that are there, networks that are
 * some, and a listener to be redirected to. Reads the config as written.
 */
import { isNetwork } from "./cidr.ts";
import type { FolderProbe } from "./cross-check.ts";
import type { Problem } from "./problem.ts";

type Path = readonly (string | number)[];

export function checkListenOptions(
  listen: readonly unknown[],
  probe: FolderProbe,
): readonly Problem[] {
  const hasTls = listen.some((written) => record(written).tls !== undefined);
  return listen.flatMap((written, index) => {
    const listener = record(written);
    const path = ["edge", "listen", index];
    return [
      ...checkTls(listener.tls, [...path, "tls"], probe),
      ...checkNetworks(record(listener.proxyProtocol).from, [...path, "proxyProtocol", "from"]),
      ...(listener.redirect !== "https" || hasTls
        ? []
        : [
            {
              path: [...path, "redirect"],
              message: "no listener has `tls`: there is nothing to send anybody to",
            },
          ]),
    ];
  });
}

function checkTls(tls: unknown, path: Path, probe: FolderProbe): readonly Problem[] {
  const options = record(tls);
  const inList = Array.isArray(tls) ? { list: tls, path } : undefined;
  const named = Array.isArray(options.certificates)
    ? { list: options.certificates, path: [...path, "certificates"] }
    : undefined;
  const pairs = inList ?? named;
  return [
    ...["cert", "key", "clientCa"].flatMap((key) => checkFile(options[key], [...path, key], probe)),
    ...(pairs?.list ?? []).flatMap((pair: unknown, index: number) =>
      ["cert", "key"].flatMap((key) =>
        checkFile(record(pair)[key], [...(pairs?.path ?? []), index, key], probe),
      ),
    ),
  ];
}

function checkFile(written: unknown, path: Path, probe: FolderProbe): readonly Problem[] {
  if (typeof written !== "string" || written === "") return [];
  const { absolute, state } = probe(written);
  if (state === "other") return [];
  const why = state === "missing" ? "does not exist" : "is a folder; name the file";
  return [{ path: [...path], message: `${absolute} ${why}` }];
}

function checkNetworks(from: unknown, path: Path): readonly Problem[] {
  if (!Array.isArray(from)) return [];
  return from.flatMap((network: unknown, index) =>
    typeof network !== "string" || network === "unix:" || isNetwork(network)
      ? []
      : [
          {
            path: [...path, index],
            message: `${JSON.stringify(network)} is no address or network. Use "10.0.0.0/8", "::1" or "unix:"`,
          },
        ],
  );
}

/** The keys that are read here; anything may be written in them. */
type Loose = Readonly<Record<string, unknown>> & {
  readonly [Key in "tls" | "proxyProtocol" | "from" | "redirect" | "certificates"]?: unknown;
};

function record(value: unknown): Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Loose)
    : {};
}
