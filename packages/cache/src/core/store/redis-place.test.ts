import { expect, test } from "vitest";
import { describeRedisPlace, parseRedisPlace } from "./redis-place.ts";

test.for([
  ["redis://cache", { kind: "single", server: { host: "cache", port: 6379 }, database: 0 }],
  [
    "redis://u:p%40ss@10.0.0.1:7000/3",
    {
      kind: "single",
      server: { host: "10.0.0.1", port: 7000 },
      username: "u",
      password: "p@ss",
      database: 3,
    },
  ],
  ["redis://:secret@[::1]:7/", { server: { host: "::1", port: 7 }, password: "secret" }],
  [
    "unix:///run/redis.sock?db=2",
    { kind: "single", server: { path: "/run/redis.sock" }, database: 2 },
  ],
  ["rediss://cache?ca=/etc/ca.pem", { tls: { ca: "/etc/ca.pem" } }],
  [
    "redis+sentinel://:s@a,b:26380/shop/1",
    {
      kind: "sentinel",
      hosts: [
        { host: "a", port: 26_379 },
        { host: "b", port: 26_380 },
      ],
      master: "shop",
      password: "s",
      database: 1,
    },
  ],
  [
    "rediss+cluster://a:1,b:2",
    {
      kind: "cluster",
      hosts: [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
      tls: {},
    },
  ],
] as const)("%s is understood", ([address, expected]) => {
  expect(parseRedisPlace(address)).toMatchObject(expected);
});

test.for([
  "http://a",
  "redis://a,b/0",
  "redis://a/x",
  "redis://a:99999",
  "redis+sentinel://a",
  "unix://",
])("%s is refused", (address) => {
  expect(parseRedisPlace(address)).toBeUndefined();
});

test.for([
  ["redis://u:p@h:1/2", "redis://h:1/2"],
  ["unix:///run/r.sock", "unix:///run/r.sock"],
  ["rediss+sentinel://:x@a,b/m", "rediss+sentinel://a:26379,b:26379/m"],
] as const)("%s is shown without its secrets", ([address, shown]) => {
  const place = parseRedisPlace(address);
  expect(place && describeRedisPlace(place)).toBe(shown);
});
