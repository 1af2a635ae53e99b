import { expect, test } from "vitest";
import { parseAcceptEncoding } from "./accept-encoding.ts";

const offered = ["zstd", "br", "gzip"];

test.each([
  [undefined, "", true],
  ["", "", true],
  ["gzip", "gzip", true],
  ["gzip, deflate, br", "br gzip", true],
  ["gzip, deflate, br, zstd", "zstd br gzip", true],
  ["GZIP", "gzip", true],
  ["x-gzip", "gzip", true],
  ["gzip;q=1.0, br;q=0.5", "gzip br", true],
  ["gzip ; Q=0.5 , br", "br gzip", true],
  ["br;q=0, gzip", "gzip", true],
  ["br;q=0.000, gzip;q=0.001", "gzip", true],
  ["*", "zstd br gzip", true],
  ["*;q=0.1, gzip", "gzip zstd br", true],
  ["*, br;q=0", "zstd gzip", true],
  ["*;q=0", "", false],
  ["identity;q=0, gzip", "gzip", false],
  ["identity;q=0", "", false],
  ["*;q=0, identity", "", true],
  ["identity, gzip;q=0.5", "", true],
  ["identity;q=0.5, gzip;q=0.5", "gzip", true],
  ["gzip;q=abc", "", true],
  ["gzip;q=2", "", true],
  ["gzip;q=-1", "", true],
  ["deflate, compress", "", true],
  [";q=1,,gzip", "gzip", true],
])("%s accepts %s", (value, encodings, identity) => {
  expect(parseAcceptEncoding(value, offered)).toEqual({
    encodings: encodings === "" ? [] : encodings.split(" "),
    identity,
  });
});
