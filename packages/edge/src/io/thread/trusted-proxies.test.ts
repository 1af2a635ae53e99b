import { expect, test } from "vitest";
import { decideForwardedClient, plainAddress } from "../../core/routing/client-address.ts";
import { createTrustCheck } from "./trusted-proxies.ts";

const isTrusted = createTrustCheck(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]);
const peer = { address: "10.0.0.1", port: 4000, scheme: "http" } as const;

test.for([
  ["10.255.0.1", true],
  ["11.0.0.1", false],
  ["192.0.2.1", true],
  ["192.0.2.2", false],
  ["2001:db8::7", true],
  ["2001:db9::7", false],
  ["unknown", undefined],
  ["", false],
] as const)("%s is trusted: %s", ([address, expected]) => {
  expect(isTrusted(address)).toBe(expected);
});

test("a peer on a Unix socket is trusted where the config says so", () => {
  expect(createTrustCheck(["unix:"])("")).toBe(true);
});

test.for<readonly [string | undefined, string, number]>([
  [undefined, "10.0.0.1", 4000],
  ["", "10.0.0.1", 4000],
  ["203.0.113.7", "203.0.113.7", 0],
  ["203.0.113.7:5123", "203.0.113.7", 5123],
  ["[2001:db9::1]:5123", "2001:db9::1", 5123],
  ["2001:db9::1", "2001:db9::1", 0],
  ["::ffff:203.0.113.7", "203.0.113.7", 0],
  ["1.1.1.1, 203.0.113.7", "203.0.113.7", 0],
  ["1.1.1.1, 203.0.113.7, 10.0.0.9", "203.0.113.7", 0],
  ["1.1.1.1,203.0.113.7 ,\t192.0.2.1,10.0.0.9", "203.0.113.7", 0],
  ["10.0.0.5, 10.0.0.9", "10.0.0.5", 0],
  ["203.0.113.7, unknown, 10.0.0.9", "10.0.0.9", 0],
  ["203.0.113.7, 10.0.0.9, <script>", "10.0.0.1", 4000],
  ["203.0.113.7, 999.0.0.1", "10.0.0.1", 4000],
])("X-Forwarded-For %s from a trusted proxy is client %s", ([forwardedFor, address, port]) => {
  const client = decideForwardedClient(
    peer,
    { forwardedFor, forwardedProto: undefined },
    isTrusted,
  );
  expect(client).toEqual({ address, port, scheme: "http", trusted: true });
});

test.for<readonly [string | undefined, "http" | "https"]>([
  [undefined, "http"],
  ["https", "https"],
  ["HTTPS", "https"],
  ["https, http", "http"],
  ["gopher", "http"],
])("X-Forwarded-Proto %s from a trusted proxy is %s", ([forwardedProto, scheme]) => {
  const client = decideForwardedClient(
    peer,
    { forwardedFor: undefined, forwardedProto },
    isTrusted,
  );
  expect(client.scheme).toBe(scheme);
});

test.for([
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::1", "::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["192.0.2.7", "192.0.2.7"],
] as const)("%s is written %s", ([address, plain]) => {
  expect(plainAddress(address)).toBe(plain);
});
