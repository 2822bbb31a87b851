import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, StoreObject, Task } from "#model/objects.ts";
import type { PortConfig, TaskSpec } from "#model/spec.ts";
import { availability, down, host, labelled, secondsAgo, task, web, why } from "./testing/scene.ts";

interface Row {
  readonly name: string;
  readonly spec?: Partial<TaskSpec>;
  readonly task?: Partial<Task>;
  readonly nodes: readonly Node[];
  readonly others?: readonly StoreObject[];
  /** What stands below the line that says that no node can take the task. */
  readonly want: readonly string[];
}

const reserve = (Reservations: object): Partial<TaskSpec> => ({ Resources: { Reservations } });
const place = (Placement: TaskSpec["Placement"] & object): Partial<TaskSpec> => ({ Placement });
const gpu = { DiscreteResourceSpec: { Kind: "gpu", Value: 2 } };
const port: PortConfig = { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" };
const LABEL = "docker service update --constraint-rm 'node.labels.zone==a' web";

const ROWS: readonly Row[] = [
  {
    name: "a drained and a paused node",
    nodes: [host("h1", availability("drain")), host("h2", availability("pause"))],
    want: [
      "- h1: drained",
      "  → docker node update --availability active h1",
      "- h2: paused",
      "  → docker node update --availability active h2",
    ],
  },
  {
    name: "a node that is down, and two of which nothing is known",
    nodes: [
      host("h1", down),
      ...["h2", "h3"].map((name) => host(name, { status: { state: "unknown", addr: "", since: secondsAgo(3) } })),
    ],
    want: [
      "- h2 and h3: unknown since 10:34:57 UTC (3 seconds ago)",
      "  → wait: NODE is expected to connect again within seconds, or else counts as down",
      "- h1: down since 10:31:00 UTC (4 minutes ago): heartbeat failure",
      "  → start h1, or the flotilla daemon on it; if it is gone for good: docker node rm h1",
    ],
  },
  {
    name: "too little CPU and memory",
    spec: reserve({ NanoCPUs: 1.5e9, MemoryBytes: 2 ** 31 }),
    nodes: [host("h1")],
    others: [task(web(1, reserve({ NanoCPUs: 1.5e9 })), "other", { nodeId: "n1" })],
    want: [
      "- h1: 0.5 of 2 CPUs free, 1.5 wanted, 1 GiB of 1 GiB memory free, 2 GiB wanted",
      "  → add a node, stop something, or reserve less (docker service update --reserve-cpu, --reserve-memory web)",
    ],
  },
  {
    name: "too few generic resources",
    spec: reserve({ GenericResources: [gpu] }),
    nodes: [host("h1", {}, { GenericResources: [{ NamedResourceSpec: { Kind: "gpu", Value: "UUID1" } }] })],
    want: [
      "- h1: 1 of 1 gpu free, 2 wanted",
      "  → add a node, stop something, or reserve less (docker service update --reserve-cpu, --reserve-memory web)",
    ],
  },
  {
    name: "a label that is missing, and one that is another",
    spec: place({ Constraints: ["node.labels.zone==a"] }),
    nodes: [host("h1"), host("h2", labelled({ zone: "b" }))],
    want: [
      "- h1: not node.labels.zone==a (no such label)",
      `  → docker node update --label-add zone=a h1, or ${LABEL}`,
      "- h2: not node.labels.zone==a (it is b)",
      `  → docker node update --label-add zone=a h2, or ${LABEL}`,
    ],
  },
  {
    name: "several constraints, of which only the unmet are named",
    spec: place({ Constraints: ["node.role==worker", "node.hostname!=h1", "node.role==manager"] }),
    nodes: [host("h1")],
    want: [
      "- h1: not node.hostname!=h1, not node.role==manager",
      "  → docker service update --constraint-rm 'node.hostname!=h1' web",
    ],
  },
  {
    name: "another platform",
    spec: place({ Platforms: [{ OS: "linux", Architecture: "arm64" }] }),
    nodes: [host("h1")],
    want: [
      "- h1: the platform is linux/x86_64, the image is for linux/arm64",
      "  → use an image for this platform: docker service update --image IMAGE web",
    ],
  },
  {
    name: "a host port that another task has",
    task: { endpoint: { ports: [port] } },
    nodes: [host("h1")],
    others: [task(web(1), "other", { nodeId: "n1", serviceName: "proxy", endpoint: { ports: [port] } })],
    want: [
      "- h1: host port 8080/tcp is taken by proxy",
      "  → add a node, or publish another host port: only one task on a node can have it",
    ],
  },
  {
    name: "as many tasks of the service as a node may have",
    spec: place({ MaxReplicas: 1 }),
    nodes: [host("h1")],
    others: [task(web(2), "other", { nodeId: "n1" })],
    want: [
      "- h1: has 1 of the 1 tasks of the service that a node may have",
      "  → add a node, or docker service update --replicas-max-per-node 2 web",
    ],
  },
  {
    name: "a missing plugin",
    spec: { LogDriver: { Name: "splunk" } },
    nodes: [
      host("h1", {
        description: {
          Hostname: "h1",
          Platform: { OS: "linux", Architecture: "x86_64" },
          Resources: { NanoCPUs: 1e9, MemoryBytes: 1e9 },
          Engine: { EngineVersion: "28", Plugins: [{ Type: "Log", Name: "json-file" }] },
        },
      }),
    ],
    want: [
      "- h1: no plugin for a volume, network or log driver of the service",
      "  → install the plugin on h1 (docker plugin install), or change the drivers of web",
    ],
  },
  {
    name: "several things at once: all are told, the first is advised on",
    spec: place({ Constraints: ["node.labels.zone==a"] }),
    nodes: [host("h1", availability("drain"))],
    want: ["- h1: drained; not node.labels.zone==a (no such label)", "  → docker node update --availability active h1"],
  },
];

for (const { name, spec, task: more = {}, nodes, others = [], want } of ROWS) {
  test(`a task without a node is told of ${name}`, () => {
    const service = web(1, spec);
    const lines = why("t1", service, task(service, "t1", more), ...nodes, ...others);
    assert.equal(lines[1], `  - waiting for a node: none of ${nodes.length} can take it`);
    assert.deepEqual(
      lines.slice(2),
      want.map((line) => `    ${line}`),
    );
  });
}

test("a task that could be placed waits for the scheduler only", () => {
  const lines = why("t1", web(1), task(web(1), "t1"), host("h1"), host("h2", down));
  assert.deepEqual(lines.slice(1), ["  - waiting for the scheduler, which can place it now"]);
});

test("of very many different reasons only some are told", () => {
  const nodes = Array.from({ length: 20 }, (_, index) => host(`h${index}`, labelled({ zone: `z${index}` })));
  const service = web(1, place({ Constraints: ["node.labels.zone==a"] }));
  const lines = why("t1", service, task(service, "t1"), ...nodes);
  assert.equal(lines.filter((line) => line.includes("it is z")).length, 8);
  assert.equal(lines.at(-1), "    - 12 more nodes, for reasons of their own");
});

test("a task of a node of its own is told of that one only", () => {
  const pending = task(web(1), "t1", { nodeId: "n1", status: { state: "pending", timestamp: 0, message: "" } });
  assert.deepEqual(why("t1", web(1), pending, host("h1", availability("pause")), host("h2")).slice(1), [
    "  - waiting for its node, which cannot take it",
    "    - h1: paused",
    "      → docker node update --availability active h1",
  ]);
});
