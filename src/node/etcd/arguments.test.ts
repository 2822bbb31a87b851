import assert from "node:assert/strict";
import { test } from "node:test";
import { type Beginning, beginningArguments, type EtcdSettings, etcdArguments, peerUrlOf } from "./arguments.ts";

const SETTINGS: EtcdSettings = {
  name: "n2",
  clusterId: "c1",
  dataDir: "/data/etcd",
  listenPeers: { host: "0.0.0.0", port: 2378 },
  peerUrl: "https://10.0.0.2:2378",
  certificateFile: "/run/etcd/node.pem",
  trustFile: "/run/etcd/roots.pem",
};

const FIRST = { name: "n1", peerUrls: ["https://10.0.0.1:2378"] };
const UNNAMED = { name: "", peerUrls: ["https://10.0.0.2:2378"] };

const BEGINNINGS: readonly (readonly [Beginning, readonly string[], readonly string[]])[] = [
  [
    { type: "alone" },
    ["--initial-cluster=n2=https://10.0.0.2:2378", "--initial-cluster-state=new"],
    ["--force-new-cluster"],
  ],
  [
    { type: "joining", members: [FIRST, UNNAMED] },
    ["--initial-cluster=n1=https://10.0.0.1:2378,n2=https://10.0.0.2:2378", "--initial-cluster-state=existing"],
    ["--force-new-cluster"],
  ],
  [{ type: "sole survivor" }, ["--force-new-cluster"], ["--initial-cluster"]],
];

for (const [beginning, present, absent] of BEGINNINGS) {
  test(`a member that begins ${beginning.type}`, () => {
    const argv = beginningArguments(SETTINGS, beginning);
    for (const argument of present) assert.ok(argv.includes(argument), argument);
    for (const start of absent) assert.ok(!argv.some((argument) => argument.startsWith(`${start}=`)), start);
  });
}

test("only managers' certificates are let in, and clients only by the socket", () => {
  const argv = etcdArguments(SETTINGS);
  for (const argument of [
    "--peer-client-cert-auth",
    "--peer-cert-allowed-hostname=swarm-manager",
    "--listen-client-urls=unix://client:0",
    "--listen-peer-urls=https://0.0.0.0:2378",
  ]) {
    assert.ok(argv.includes(argument), argument);
  }
});

test("the peers' port comes after the daemon's", () => {
  assert.equal(peerUrlOf({ host: "10.0.0.1", port: 2377 }), "https://10.0.0.1:2378");
  assert.equal(peerUrlOf({ host: "fd00::1", port: 4000 }), "https://[fd00::1]:4001");
});
