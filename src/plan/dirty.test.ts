import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Node, Service, Task } from "#model/objects.ts";
import type { NetworkAttachmentConfig, PortConfig } from "#model/spec.ts";
import { createDirtyCheck, isDirty } from "./dirty.ts";
import { node, replicated, service, task, taskSpec, updateConfig, updated } from "./testing/builders.ts";

interface Row {
  readonly name: string;
  readonly now: Service;
  readonly was?: Task;
  readonly on?: Node | undefined;
  readonly want: boolean;
}

const web = service({ EndpointSpec: { Mode: "vip" } });
const onSsd = { Constraints: ["node.labels.disk == ssd"] };
const ssd = node("n1", { labels: { disk: "ssd" } });
const placed = updated(web, { TaskTemplate: taskSpec("nginx:1", { Placement: onSsd }) });
const port = (PublishedPort?: number): PortConfig => ({
  Protocol: "tcp",
  TargetPort: 80,
  PublishMode: "ingress",
  ...(PublishedPort !== undefined && { PublishedPort }),
});
const onNetworks = (...Networks: readonly NetworkAttachmentConfig[]) => taskSpec("nginx:1", { Networks });
const joined = service({ TaskTemplate: onNetworks({ Target: "n" }) });
const otherAuth = { ...updated(web, {}), registryAuth: "new" };

const rows: Row[] = [
  { name: "a task of the present spec version is clean", now: web, want: false },
  { name: "an unchanged spec of a new version is clean", now: updated(web, {}), want: false },
  { name: "scaling is done in place", now: updated(web, { Mode: replicated(9) }), want: false },
  { name: "service labels are changed in place", now: updated(web, { Labels: { a: "b" } }), want: false },
  {
    name: "an update configuration is changed in place",
    now: updated(web, { UpdateConfig: updateConfig() }),
    want: false,
  },
  { name: "another image is dirty", now: updated(web, { TaskTemplate: taskSpec("nginx:2") }), want: true },
  {
    name: "a forced update is dirty",
    now: updated(web, { TaskTemplate: { ...taskSpec(), ForceUpdate: 1 } }),
    want: true,
  },
  { name: "another endpoint mode is dirty", now: updated(web, { EndpointSpec: { Mode: "dnsrr" } }), want: true },
  {
    name: "defaults of the endpoint that are spelt out are clean",
    now: updated(service(), { EndpointSpec: { Mode: "vip", Ports: [] } }),
    was: task(service()),
    want: false,
  },
  { name: "another published port is dirty", now: updated(web, { EndpointSpec: { Ports: [port(80)] } }), want: true },
  {
    name: "a port of any number is the same whether that is said or not",
    now: updated(service({ EndpointSpec: { Ports: [port()] } }), { EndpointSpec: { Ports: [port(0)] } }),
    was: task(service({ EndpointSpec: { Ports: [port()] } })),
    want: false,
  },
  { name: "another network is dirty", now: updated(web, { TaskTemplate: onNetworks({ Target: "n" }) }), want: true },
  {
    name: "another alias is dirty",
    now: updated(joined, { TaskTemplate: onNetworks({ Target: "n", Aliases: ["db"] }) }),
    was: task(joined),
    want: true,
  },
  {
    name: "no aliases are the same whether that is said or not",
    now: updated(joined, { TaskTemplate: onNetworks({ Target: "n", Aliases: [] }) }),
    was: task(joined),
    want: false,
  },
  {
    name: "no networks are the same whether that is said or not",
    now: updated(web, { TaskTemplate: onNetworks() }),
    want: false,
  },
  { name: "new constraints that the node satisfies are clean", now: placed, on: ssd, want: false },
  { name: "new constraints that the node does not satisfy are dirty", now: placed, on: node("n1"), want: true },
  { name: "new constraints on a task without a node are dirty", now: placed, on: undefined, want: true },
  {
    name: "new constraints together with another image are dirty",
    now: updated(web, { TaskTemplate: taskSpec("nginx:2", { Placement: onSsd }) }),
    on: ssd,
    want: true,
  },
  {
    name: "a change of the replicas per node is clean",
    now: updated(web, { TaskTemplate: taskSpec("nginx:1", { Placement: { MaxReplicas: 2 } }) }),
    want: false,
  },
  { name: "new credentials do not matter to a running task", now: otherAuth, want: false },
  {
    name: "new credentials do not matter to a task that ended",
    now: otherAuth,
    was: task(web, { state: "complete" }),
    want: false,
  },
  {
    name: "new credentials replace a task that may still pull",
    now: otherAuth,
    was: task(web, { state: "preparing" }),
    want: true,
  },
  {
    name: "members that are undefined are absent ones",
    now: updated(web, { TaskTemplate: { ...taskSpec(), Networks: undefined } as never }),
    want: false,
  },
];

describe("isDirty", () => {
  for (const { name, now, was = task(web), want, ...row } of rows) {
    const on = "on" in row ? row.on : node("n1");
    test(name, () => {
      assert.equal(isDirty(now, was, on), want);
      assert.equal(createDirtyCheck(now, () => on)(was), want);
    });
  }

  test("the check for many tasks judges each by its own node and state", () => {
    const isOld = createDirtyCheck(placed, ({ nodeId }) => (nodeId === "n1" ? ssd : node("n2")));
    assert.deepEqual([task(web), task(web, { nodeId: "n2" }), task(placed)].map(isOld), [false, true, false]);
  });
});
