import assert from "node:assert/strict";
import { test } from "node:test";
import { aNode, aService, aTask, TestView } from "#api/test-cluster.ts";
import type { Task } from "#model/objects.ts";
import { containerOfTask, explainTask } from "./find-task.ts";

const web = aService("web1", "web");
const every = aService("every1", "every", {}, { Mode: { Global: {} } });

const on = (nodeId: string, state: Task["status"]["state"], containerId?: string): Partial<Task> => ({
  nodeId,
  status: {
    state,
    timestamp: 0,
    message: "",
    ...(containerId !== undefined && { container: { containerId, pid: 1, exitCode: 0 } }),
  },
});

const live = aTask("live", web, { slot: 3, createdAt: 2, ...on("n2", "running", "c-live") });

const view = new TestView([
  { ...aNode("n1", "h1"), id: "n1" },
  { ...aNode("n2", "h2.example.com"), id: "n2" },
  web,
  every,
  aTask("old", web, { slot: 3, createdAt: 1, ...on("n1", "failed", "c-old") }),
  live,
  aTask("next", web, { slot: 3, createdAt: 3, ...on("n1", "preparing") }),
  aTask("ended", web, { slot: 4, createdAt: 4, ...on("n1", "shutdown", "c-4a") }),
  aTask("later", web, { slot: 4, createdAt: 5, ...on("n2", "failed", "c-4b") }),
  aTask("waiting", web, { slot: 5, status: { state: "pending", timestamp: 0, message: "" } }),
  aTask("e1", every, { slot: 0, ...on("n1", "running", "c-e1") }),
  aTask("e2", every, { slot: 0, ...on("n2", "running", "c-e2") }),
]);

for (const { reference, found } of [
  { reference: "web.3", found: { id: "c-live", nodeId: "n2" } },
  { reference: "web.4", found: { id: "c-4b", nodeId: "n2" } },
  { reference: "web.5", found: undefined },
  { reference: "web.9", found: undefined },
  { reference: "web", found: undefined },
  { reference: "web.", found: undefined },
  { reference: ".3", found: undefined },
  { reference: "other.3", found: undefined },
  { reference: "every.h1", found: { id: "c-e1", nodeId: "n1" } },
  { reference: "every.h2.example.com", found: { id: "c-e2", nodeId: "n2" } },
  { reference: "every.n2", found: { id: "c-e2", nodeId: "n2" } },
  { reference: "every.0", found: undefined },
  { reference: live.id, found: { id: "c-live", nodeId: "n2" } },
]) {
  test(`the container of ${reference}`, () => assert.deepEqual(containerOfTask(view, reference), found));
}

test("a task that has no container is told from a container that is not there", () => {
  assert.equal(explainTask(view, "web.9"), ": service web has no container for 9 (docker service ps web)");
  assert.equal(explainTask(view, "other.9"), "");
});
