import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, StoreObject } from "#model/objects.ts";
import { availability, down, host, secondsAgo, status, task, web, why } from "./testing/scene.ts";

interface Row {
  readonly name: string;
  readonly node: Node;
  readonly tasks?: readonly StoreObject[];
  readonly want: readonly string[];
}

const on = { nodeId: "n1" } as const;
const running = task(web(1), "t1", on);
const leaving = task(web(1), "t1", { ...on, desired: "shutdown" });
const START = "start h1, or the flotilla daemon on it; if it is gone for good: docker node rm h1";

const ROWS: readonly Row[] = [
  { name: "ready", node: host("h1"), tasks: [running], want: ["node h1 (n1): ready, 1 task running"] },
  {
    name: "down, with tasks of which nothing is known",
    node: host("h1", down),
    tasks: [leaving],
    want: [
      "node h1 (n1): down since 10:31:00 UTC (4 minutes ago): heartbeat failure",
      "  - 1 task replaced or stopped, and given up at 10:31:00 UTC (in 24 hours) if it is not back",
      `    → ${START}`,
    ],
  },
  {
    name: "down, and forgotten",
    node: host("h1", down),
    want: [
      "node h1 (n1): down since 10:31:00 UTC (4 minutes ago): heartbeat failure",
      "  - nothing of it is waited for",
      `    → ${START}`,
    ],
  },
  {
    name: "disconnected",
    node: host("h1", { status: { state: "disconnected", addr: "", since: secondsAgo(2) } }),
    tasks: [running],
    want: [
      "node h1 (n1): disconnected since 10:34:58 UTC (2 seconds ago)",
      "  - 1 task kept: they go on as they are meanwhile",
      "    → wait: h1 looks for a manager, and counts as down if it finds none in seconds",
    ],
  },
  {
    name: "paused",
    node: host("h1", availability("pause")),
    tasks: [running],
    want: [
      "node h1 (n1): paused",
      "  - 1 task kept, and no new ones come",
      "    → docker node update --availability active h1",
    ],
  },
  {
    name: "drained, and not empty yet",
    node: host("h1", availability("drain")),
    tasks: [leaving],
    want: [
      "node h1 (n1): drained",
      "  - 1 task still to leave, and no new ones come",
      "    → docker node update --availability active h1",
    ],
  },
  {
    name: "ready, with a task that does not come up",
    node: host("h1"),
    tasks: [task(web(1), "t1", { ...on, status: status("preparing", "No such image: demo:1") })],
    want: [
      "node h1 (n1): ready, 0 tasks running",
      "  - web.1: being prepared on h1: image demo:1 and files",
      "    - No such image: demo:1",
      "      → check the name demo:1, give credentials (docker service update --with-registry-auth web), or build or load the image on any host",
    ],
  },
  {
    name: "between two roles, with a certificate to come",
    node: host("h1", {
      spec: { Labels: {}, Role: "manager", Availability: "active" },
      certificate: { role: "manager", state: "renew" },
      manager: { leader: false, reachability: "unreachable", addr: "10.0.0.1:2377" },
    }),
    want: [
      "node h1 (n1): ready, 0 tasks running",
      "  - still a worker, to become a manager: its certificate is being renewed",
      "  - as a manager it is unreachable",
      "    → look at the flotilla daemon on h1, and at 10.0.0.1:2377",
      "  - its certificate is to be renewed, which it does at its next contact",
    ],
  },
  {
    name: "without a certificate",
    node: host("h1", { certificate: { role: "worker", state: "failed", err: "the external CA answered 500" } }),
    want: [
      "node h1 (n1): ready, 0 tasks running",
      "  - its certificate could not be issued: the external CA answered 500",
      "    → look at the external CA, if there is one; then restart the daemon on h1",
    ],
  },
];

for (const { name, node, tasks = [], want } of ROWS) {
  test(`a node that is ${name}`, () => assert.deepEqual(why("h1", web(1), node, ...tasks), want));
}
