import assert from "node:assert/strict";
import { test } from "node:test";
import { aConfig, aNode, aSecret, aService, aTask } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

const web = aService("s1", "web", {}, { Labels: { "com.docker.stack.namespace": "app", tier: "front" } });
const job = aService("s2", "job", {}, { Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } } });
const everywhere = aService("s3", "webcam", {}, { Mode: { Global: {} } });
const objects = [
  aNode("n1", "alpha", { role: "manager", spec: { Labels: { zone: "a" }, Role: "manager", Availability: "active" } }),
  aNode("n2", "beta"),
  web,
  job,
  everywhere,
  aTask("t1", web, { nodeId: "n1".padEnd(25, "0") }),
  aTask("t2", web, { nodeId: "n2".padEnd(25, "0"), slot: 2, desired: "shutdown" }),
  aTask("t3", job, { slot: 0, nodeId: "n1".padEnd(25, "0"), desired: "complete" }),
  aTask("t4", web, { spec: { NetworkAttachmentSpec: { ContainerID: "c" }, ForceUpdate: 0, Runtime: "attachment" } }),
  aSecret("x1", "App-Pw", { a: "1" }),
  aSecret("x2", "other"),
  aConfig("c1", "conf"),
];

for (const { path, filters, want } of [
  { path: "nodes", filters: {}, want: ["n1", "n2"] },
  { path: "nodes", filters: { id: ["n2"] }, want: ["n2"] },
  { path: "nodes", filters: { id: { n2: true } }, want: ["n2"] },
  { path: "nodes", filters: { name: ["al", "x"] }, want: ["n1"] },
  { path: "nodes", filters: { role: ["Manager"] }, want: ["n1"] },
  { path: "nodes", filters: { role: ["manager", "worker"] }, want: ["n1", "n2"] },
  { path: "nodes", filters: { membership: ["accepted"] }, want: ["n1", "n2"] },
  { path: "nodes", filters: { membership: ["pending"] }, want: [] },
  { path: "nodes", filters: { label: ["rack"] }, want: ["n1", "n2"] },
  { path: "nodes", filters: { label: ["rack=r2"] }, want: [] },
  { path: "nodes", filters: { "node.label": ["zone=a"] }, want: ["n1"] },
  { path: "nodes", filters: { "node.label": ["zone=a"], name: ["beta"] }, want: [] },
  { path: "services", filters: { name: ["web"] }, want: ["s1", "s3"] },
  { path: "services", filters: { mode: ["global", "replicated-job"] }, want: ["s2", "s3"] },
  { path: "services", filters: { label: ["com.docker.stack.namespace=app"] }, want: ["s1"] },
  { path: "services", filters: { label: ["tier", "com.docker.stack.namespace=app"] }, want: ["s1"] },
  { path: "services", filters: { label: ["tier", "missing"] }, want: [] },
  { path: "services", filters: { label: ["constructor"] }, want: [] },
  { path: "services", filters: { runtime: ["plugin"] }, want: [] },
  { path: "tasks", filters: {}, want: ["t1", "t2", "t3"] },
  { path: "tasks", filters: { service: ["web"] }, want: ["t1", "t2"] },
  { path: "tasks", filters: { service: ["web", "s1"] }, want: ["t1", "t2"] },
  { path: "tasks", filters: { node: ["alpha"] }, want: ["t1", "t3"] },
  { path: "tasks", filters: { service: ["web"], node: ["beta"] }, want: ["t2"] },
  { path: "tasks", filters: { "desired-state": ["running", "SHUTDOWN"] }, want: ["t1", "t2"] },
  { path: "tasks", filters: { name: ["web.2"] }, want: ["t2"] },
  { path: "tasks", filters: { label: ["com.docker.stack.namespace=app"] }, want: ["t1", "t2"] },
  { path: "tasks", filters: { runtime: ["attachment"] }, want: ["t4"] },
  { path: "tasks", filters: { "_up-to-date": ["true"], service: ["web"] }, want: ["t2"] },
  { path: "secrets", filters: { name: ["app"] }, want: ["x1"] },
  { path: "secrets", filters: { names: ["app"] }, want: [] },
  { path: "secrets", filters: { names: ["app-pw"], id: ["x2"] }, want: ["x1", "x2"] },
  { path: "secrets", filters: { name: ["app", "oth"], label: ["a=1"] }, want: ["x1"] },
  { path: "configs", filters: { id: ["c"] }, want: ["c1"] },
]) {
  test(`${path} ${JSON.stringify(filters)}: ${want.join(" ") || "none"}`, async () => {
    await using api = await startTestApi(objects);
    api.control.upToDate = (task) => task.slot === 2;
    const { json } = await api.get(`/${path}?filters=${encodeURIComponent(JSON.stringify(filters))}`);
    assert.deepEqual(
      (json as { ID: string }[]).map(({ ID }) => ID.slice(0, 2)),
      want,
    );
  });
}

for (const { path, filters, status, message } of [
  { path: "nodes", filters: '{"x":["1"]}', status: 400, message: "invalid filter 'x'" },
  { path: "services", filters: '{"names":["1"]}', status: 400, message: "invalid filter 'names'" },
  { path: "configs", filters: '{"names":["1"]}', status: 400, message: "invalid filter 'names'" },
  { path: "tasks", filters: "{", status: 400, message: "invalid filter" },
  { path: "tasks", filters: "[]", status: 400, message: "invalid filter" },
  { path: "tasks", filters: '{"id":"t1"}', status: 400, message: "invalid filter" },
  { path: "tasks", filters: '{"id":{"t1":1}}', status: 400, message: "invalid filter" },
  { path: "tasks", filters: '{"service":["none"]}', status: 404, message: "service none not found" },
  { path: "tasks", filters: '{"node":["none"]}', status: 404, message: "node none not found" },
  { path: "nodes", filters: '{"role":["king"]}', status: 500, message: "Invalid role filter: 'king'" },
  { path: "nodes", filters: '{"membership":["x"]}', status: 500, message: "Invalid membership filter: 'x'" },
  { path: "tasks", filters: '{"desired-state":["x"]}', status: 500, message: "Invalid desired-state filter: 'x'" },
]) {
  test(`${path} ${filters}: ${status}`, async () => {
    await using api = await startTestApi(objects);
    const reply = await api.get(`/${path}?filters=${encodeURIComponent(filters)}`);
    assert.equal(reply.status, status);
    assert.deepEqual(reply.json, { message });
  });
}

for (const { name, service, tasks, want } of [
  {
    name: "replicated",
    service: web,
    tasks: [
      aTask("a", web),
      aTask("b", web, { desired: "shutdown" }),
      aTask("c", web, { status: { state: "failed", timestamp: 0, message: "" } }),
    ],
    want: { RunningTasks: 2, DesiredTasks: 2, CompletedTasks: 0 },
  },
  {
    name: "global",
    service: everywhere,
    tasks: [aTask("a", everywhere), aTask("b", everywhere, { desired: "shutdown" })],
    want: { RunningTasks: 2, DesiredTasks: 1, CompletedTasks: 0 },
  },
  {
    name: "a job counts its present iteration",
    service: { ...job, jobStatus: { iteration: 1, lastExecution: 0 } },
    tasks: [
      aTask("a", job, { jobIteration: 0, status: { state: "complete", timestamp: 0, message: "" } }),
      aTask("b", job, { jobIteration: 1, status: { state: "complete", timestamp: 0, message: "" } }),
      aTask("c", job, { jobIteration: 1 }),
    ],
    want: { RunningTasks: 1, DesiredTasks: 1, CompletedTasks: 1 },
  },
]) {
  test(`service status: ${name}`, async () => {
    await using api = await startTestApi([service, ...tasks]);
    const { json } = await api.get("/v1.41/services?status=true");
    assert.deepEqual((json as { ServiceStatus: unknown }[])[0]?.ServiceStatus, want);
    assert.doesNotMatch((await api.get("/v1.41/services")).text, /ServiceStatus/);
    assert.doesNotMatch((await api.get("/v1.40/services?status=true")).text, /ServiceStatus/);
  });
}
