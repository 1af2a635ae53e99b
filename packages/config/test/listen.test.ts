/** `edge.listen` as objects: what is made of it, and what is said about mistakes. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StackError } from "@stack/base";
import { type TempFolder, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { diffConfigs } from "../src/core/diff.ts";
import { readPlaces } from "../src/core/places.ts";
import { checkConfig } from "../src/io/check-config.ts";
import type { ResolvedConfig } from "../src/plans.ts";

function resolveIn(folder: TempFolder, listen: string): ResolvedConfig {
  const file = join(folder.path, "deploy.config.ts");
  const literal = `{ redis: false, edge: { listen: ${listen} } }`;
  const source = `export default ${literal};\n`;
  writeFileSync(file, source);
  mkdirSync(join(folder.path, "tls"), { recursive: true });
  for (const name of ["a.crt", "a.key", "b.crt", "b.key", "ca.crt"]) {
    writeFileSync(join(folder.path, "tls", name), "");
  }
  const reading = readPlaces(source, "deploy.config.ts");
  if (reading.kind !== "places") throw new Error(reading.message);
  const input: unknown = new Function(`return ${literal}`)();
  return checkConfig(input, { file, source, places: reading.places, env: {}, cpuCount: 2 });
}

function resolve(listen: string): ResolvedConfig {
  using folder = tempFolder();
  return resolveIn(folder, listen);
}

test("listeners of plain HTTP leave nothing in the plan", () => {
  expect(resolve('[8080, { address: "[::]:81" }]').edge.plan).not.toHaveProperty("listeners");
});

test("a listener with every option becomes a plan with absolute paths", () => {
  using folder = tempFolder();
  const { edge } = resolveIn(
    folder,
    `[80, { address: 443, proxyProtocol: { from: ["10.0.0.0/8"] }, tls: {
      certificates: [{ cert: "tls/a.crt", key: "tls/a.key" }, { cert: "tls/b.crt", key: "tls/b.key" }],
      clientCa: "tls/ca.crt", clientCertificates: "optional", minVersion: "1.3", http2: false,
      hsts: { maxAge: "1d", includeSubDomains: true, preload: true } } }]`,
  );
  const at = (name: string): string => join(folder.path, "tls", name);
  expect(edge.plan.listeners).toEqual([
    { protocol: "http", frontServer: false, tls: null, proxyFrom: null, redirectPort: null },
    {
      protocol: "http",
      frontServer: false,
      tls: {
        certificates: [
          { cert: at("a.crt"), key: at("a.key") },
          { cert: at("b.crt"), key: at("b.key") },
        ],
        selfSignedFolder: null,
        clientCa: at("ca.crt"),
        clientCertificates: "optional",
        minVersion: "TLSv1.3",
        http2: false,
        hsts: "max-age=86400; includeSubDomains; preload",
      },
      proxyFrom: ["10.0.0.0/8"],
      redirectPort: null,
    },
  ]);
});

test("a self-signed certificate is kept with our state, and redirects go to its port", () => {
  using folder = tempFolder();
  const { edge } = resolveIn(
    folder,
    '[{ address: 8080, redirect: "https" }, { address: 8443, tls: "self-signed" }]',
  );
  const [plain, secure] = edge.plan.listeners ?? [];
  expect(plain?.redirectPort).toBe(8443);
  expect(secure?.tls?.selfSignedFolder).toBe(join(folder.path, ".stack", "tls"));
});

test("a listener for a web server in front has its protocol, and its socket a mode", () => {
  using folder = tempFolder();
  const { edge } = resolveIn(
    folder,
    '[{ address: "unix:u.sock", protocol: "uwsgi", socketMode: "0660" }, { address: 9000, protocol: "fastcgi" }, 80]',
  );
  const address = { kind: "unix", path: join(folder.path, "u.sock") };
  expect(edge.listeners[0]).toEqual({ name: "edge.listen[0]", address, socketMode: 0o660 });
  expect(edge.plan.listeners?.map(({ protocol }) => protocol)).toEqual([
    "uwsgi",
    "fastcgi",
    "http",
  ]);
});

test("a reload that changes a protocol leaves the listeners; one that changes a mode does not", () => {
  using folder = tempFolder();
  const listener = (more: string) =>
    resolveIn(folder, `[{ address: "unix:u.sock", protocol: "scgi"${more} }]`);
  const spoken = resolveIn(folder, '[{ address: "unix:u.sock", protocol: "uwsgi" }]');
  expect(diffConfigs(listener(""), spoken).edge).toBe("plan");
  expect(diffConfigs(listener(""), listener(', socketMode: "0600"')).edge).toBe("listeners");
});

test("a reload that changes TLS leaves the listeners; one that changes their order does not", () => {
  using folder = tempFolder();
  const plain = resolveIn(folder, "[8080, 8443]");
  const secure = resolveIn(folder, '[8080, { address: 8443, tls: "self-signed" }]');
  const turned = resolveIn(folder, '[{ address: 8443, tls: "self-signed" }, 8080]');
  expect(diffConfigs(plain, secure).edge).toBe("plan");
  expect(diffConfigs(secure, secure).edge).toBe("same");
  expect(diffConfigs(secure, turned).edge).toBe("listeners");
  expect(diffConfigs(plain, turned).edge).toBe("listeners");
});

test.for<[listen: string, problem: string]>([
  ["[{ address: 443, tls: {} }]", "Say which certificate"],
  ['[{ address: 443, tls: { cert: "tls/a.crt" } }]', "`key` is missing"],
  ['[{ address: 443, tls: { cert: "tls/a.crt", key: "tls/no.key" } }]', "no.key does not exist"],
  ['[{ address: 443, tls: [{ cert: "tls", key: "tls/a.key" }] }]', "is a folder; name the file"],
  [
    '[{ address: 443, tls: { certificates: "self-signed", cert: "tls/a.crt", key: "tls/a.key" } }]',
    "not both",
  ],
  [
    '[{ address: 443, tls: { certificates: "self-signed", clientCa: "tls/none" } }]',
    "does not exist",
  ],
  ['[{ address: 80, redirect: "https" }]', "no listener has `tls`"],
  ['[{ address: 443, tls: "self-signed", redirect: "https" }]', "speaks HTTPS itself"],
  ['[{ address: 80, proxyProtocol: { from: ["10.0.0.0/40"] } }]', "is no address or network"],
  ["[{ address: 80, proxyProtocol: { from: [] } }]", "is empty"],
  ['[8080, { address: "0.0.0.0:8080", tls: "self-signed" }]', "already taken"],
  ['["0.0.0.0:8080", "[::]:8080"]', "already taken"],
  ["[{ adress: 80 }]", "address"],
  ['[{ address: 80, protocol: "fcgi" }]', "is not known here"],
  ['[{ address: 443, protocol: "uwsgi", tls: "self-signed" }]', "uwsgi has no `tls`"],
  [
    '[{ address: 80, protocol: "scgi", proxyProtocol: { from: ["::1"] } }]',
    "has no `proxyProtocol`",
  ],
  ['[{ address: 80, socketMode: "0660" }]', "only a Unix socket has a mode"],
  ['[{ address: "unix:a", socketMode: "rw" }]', "Use an octal mode"],
])("%s is refused: %s", ([listen, problem]) => {
  expect(told(listen)).toContain(problem);
});

function told(listen: string): string {
  try {
    resolve(listen);
    return "nothing";
  } catch (error) {
    if (error instanceof StackError) return JSON.stringify(error.report).replaceAll('\\"', '"');
    throw error;
  }
}
