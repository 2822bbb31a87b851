import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesConstraints, parseConstraints, readConstraints } from "./constraint.ts";
import type { Node } from "./objects.ts";

const NODE: Node = {
  kind: "node",
  id: "ln0d1p2r3s4",
  version: 1,
  createdAt: 0,
  updatedAt: 0,
  spec: { Labels: { zone: "East", "com.example.disk": "ssd" }, Role: "manager", Availability: "active" },
  specVersion: 0,
  role: "worker",
  description: {
    Hostname: "db1.example",
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 0, MemoryBytes: 0 },
    Engine: { EngineVersion: "28", Labels: { storage: "zfs" }, Plugins: [] },
  },
  status: { state: "ready", addr: "10.1.2.3", since: 0 },
  certificate: { role: "worker", state: "issued" },
};

const { description: _, ...BARE } = NODE;

const rows: readonly [string, boolean, Node?][] = [
  ["node.id==LN0D1P2R3S4", true],
  ["node.id != ln0d1p2r3s4", false],
  ["node.hostname==db1.example", true],
  ["NODE.HostName == DB1.example", true],
  ["node.hostname==db1", false],
  ["node.hostname==db*", false],
  ["node.role==worker", true],
  ["node.role!=manager", true],
  ["node.platform.os==Linux", true],
  ["node.platform.arch==x86_64", true],
  ["node.platform.arch==amd64", false],
  ["node.labels.zone==east", true],
  ["Node.Labels.zone==east", true],
  ["node.labels.ZONE==east", false],
  ["node.labels.com.example.disk==ssd", true],
  ["node.labels.absent==x", false],
  ["node.labels.absent!=x", true],
  ["node.labels.constructor!=x", true],
  ["engine.labels.storage==zfs", true],
  ["engine.labels.storage!=zfs", false],
  ["node.ip==10.1.2.3", true],
  ["node.ip!=10.1.2.3", false],
  ["node.ip==10.1.0.0/16", true],
  ["node.ip!=10.1.0.0/16", false],
  ["node.ip!=10.2.0.0/16", true],
  ["node.ip==10.1.0.0/33", false],
  ["node.ip!=10.1.0.0/33", false],
  ["node.ip!=nowhere", false],
  ["node.ip==fd00::/8", false],
  ["node.unknown==x", false],
  ["node.unknown!=x", false],
  ["node.labels.==x", false],
  ["node.hostname!=db1.example", true, BARE],
  ["node.hostname==db1.example", false, BARE],
  ["engine.labels.storage!=zfs", true, BARE],
  ["node.platform.os==linux", false, BARE],
  ["node.ip!=10.0.0.1", true, { ...NODE, status: { ...NODE.status, addr: "" } }],
];

for (const [text, want, node = NODE] of rows) {
  test(`${text} is ${want ? "" : "not "}met${node === NODE ? "" : " by a node that says less"}`, () => {
    assert.equal(matchesConstraints(parseConstraints([text]), node), want);
  });
}

test("all constraints must hold", () => {
  assert.ok(matchesConstraints(parseConstraints([]), NODE));
  assert.ok(matchesConstraints(parseConstraints(["node.role==worker", "node.labels.zone==east"]), NODE));
  assert.ok(!matchesConstraints(parseConstraints(["node.role==worker", "node.labels.zone==west"]), NODE));
});

for (const [text, message] of [
  ["node.role", "constraint expected one operator from ==, !="],
  ["node.role=worker", "constraint expected one operator from ==, !="],
  ["n==x", "key 'n' is invalid"],
  ["1node==x", "key '1node' is invalid"],
  ["node role==x", "key 'node role' is invalid"],
  ["node.role==", "value '' is invalid"],
  ["node.role==a!=b", "value 'a!=b' is invalid"],
  ["node.role==a>b", "value 'a>b' is invalid"],
] as const) {
  test(`${text} is refused`, () => {
    assert.throws(() => parseConstraints(["node.id==x", text]), { code: "invalid", message });
    assert.equal(readConstraints([text]), undefined);
  });
}
