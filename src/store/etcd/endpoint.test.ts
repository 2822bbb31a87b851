import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEtcdUrl } from "./endpoint.ts";

const GOOD = [
  { url: "etcd://10.0.0.1:2379", addresses: ["10.0.0.1:2379"], prefix: "/flotilla/" },
  { url: "etcd://a,b:9,[fd00::1]:5", addresses: ["a:2379", "b:9", "[fd00::1]:5"], prefix: "/flotilla/" },
  { url: "etcd://a/", addresses: ["a:2379"], prefix: "/flotilla/" },
  { url: "etcd://a/teams/blue", addresses: ["a:2379"], prefix: "/teams/blue/" },
  { url: "etcd://a/teams/blue//", addresses: ["a:2379"], prefix: "/teams/blue/" },
];

for (const { url, ...want } of GOOD) test(`understood: ${url}`, () => assert.deepEqual(parseEtcdUrl(url), want));

const BAD = [
  "",
  "a:2379",
  "http://a:2379",
  "etcd://",
  "etcd:///x",
  "etcd://a,",
  "etcd://a:0",
  "etcd://a:99999",
  "etcd://[zz]",
];

for (const url of [...BAD, "etcd://user@a", "etcd://::1"]) {
  test(`refused: "${url}"`, () =>
    assert.throws(() => parseEtcdUrl(url), { code: "invalid", message: /etcd:\/\/HOST/ }));
}
