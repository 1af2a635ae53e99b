import { expect, test } from "vitest";
import { formatAddress, parseAddress } from "./address.ts";

test.for([
  ["8080", { kind: "tcp", host: "0.0.0.0", port: 8080 }],
  ["127.0.0.1:80", { kind: "tcp", host: "127.0.0.1", port: 80 }],
  ["[::1]:443", { kind: "tcp", host: "::1", port: 443 }],
  ["localhost:3000", { kind: "tcp", host: "localhost", port: 3000 }],
  ["unix:/run/x.sock", { kind: "unix", path: "/run/x.sock" }],
] as const)("%s is an address and is written back the same", ([text, address]) => {
  expect(parseAddress(text, "0.0.0.0")).toEqual(address);
  expect(parseAddress(formatAddress(address))).toEqual(address);
});

test.for(["", "unix:", "host", "1.2.3.4:99999", "::1:80", "a b:80"])("%s is no address", (text) => {
  expect(parseAddress(text)).toBeUndefined();
});
