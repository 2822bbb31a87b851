import assert from "node:assert/strict";
import { test } from "node:test";
import { aCluster, aConfig, aNode, aSecret, aService, aTask } from "./test-cluster.ts";
import { startTestApi } from "./test-server.ts";

const id = (text: string): string => text.padEnd(25, "0");
const META = '"Version":{"Index":7},"CreatedAt":"2026-01-02T03:04:05.12Z","UpdatedAt":"2026-01-02T03:04:05Z"';

test("a node, in Docker's words and order", async () => {
  await using api = await startTestApi([
    aNode("n1", "h1", { manager: { leader: true, reachability: "reachable", addr: "10.0.0.1:2377" } }),
    (({ description: _none, ...rest }) => rest)(aNode("n2", "")),
  ]);
  const { text } = await api.get(`/nodes/${id("n1")}`);
  assert.equal(
    text,
    `{"ID":"${id("n1")}",${META},"Spec":{"Labels":{},"Role":"worker","Availability":"active"},` +
      '"Description":{"Hostname":"h1","Platform":{"Architecture":"x86_64","OS":"linux"},"Resources":{"NanoCPUs":2000000000,"MemoryBytes":1000000000},' +
      '"Engine":{"EngineVersion":"20.10.24","Labels":{"rack":"r1"},"Plugins":[{"Type":"Log","Name":"json-file"}]},"TLSInfo":{}},' +
      '"Status":{"State":"ready","Addr":"10.0.0.2"},"ManagerStatus":{"Leader":true,"Reachability":"reachable","Addr":"10.0.0.1:2377"}}\n',
  );
  const unknown = await api.get("/nodes/n2");
  assert.match(unknown.text, /"Description":\{"Platform":\{\},"Resources":\{\},"Engine":\{\},"TLSInfo":\{\}\}/);
});

test("a task, in Docker's words and order", async () => {
  const service = aService("s1", "web");
  const status = {
    state: "running" as const,
    timestamp: Date.UTC(2026, 0, 1),
    message: "started",
    container: { containerId: "c", pid: 42, exitCode: 0 },
    ports: [{ Protocol: "tcp" as const, TargetPort: 80, PublishedPort: 30000, PublishMode: "host" as const }],
  };
  await using api = await startTestApi([
    service,
    aTask("t1", service, { status }),
    aTask("t2", service, { slot: 0, jobIteration: 0, status: { state: "new", timestamp: 0, message: "created" } }),
  ]);
  const { text } = await api.get("/tasks/t1");
  assert.equal(
    text,
    `{"ID":"${id("t1")}",${META},"Labels":{},"Spec":{"ContainerSpec":{"Image":"nginx","Isolation":"default"},"ForceUpdate":0},` +
      `"ServiceID":"${id("s1")}","Slot":1,"NodeID":"${id("node1")}","Status":{"Timestamp":"2026-01-01T00:00:00Z","State":"running","Message":"started",` +
      '"ContainerStatus":{"ContainerID":"c","PID":42,"ExitCode":0},"PortStatus":{"Ports":[{"Protocol":"tcp","TargetPort":80,"PublishedPort":30000,"PublishMode":"host"}]}},' +
      '"DesiredState":"running","Volumes":null}\n',
  );
  const job = await api.get("/tasks/t2");
  assert.match(job.text, /"PortStatus":\{\}\},"DesiredState":"running","JobIteration":\{\},"Volumes":null/);
  assert.doesNotMatch(job.text, /"Slot"/);
});

test("a service, in Docker's words and order", async () => {
  const spec = aService("s0", "web").spec;
  const service = aService("s1", "web", {
    previousSpec: spec,
    endpoint: {
      spec: { Mode: "vip" },
      ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 80, PublishMode: "ingress" }],
    },
    updateStatus: { state: "completed", startedAt: 1000, completedAt: 2000, message: "update completed", slots: 1 },
    jobStatus: { iteration: 2, lastExecution: 3000 },
  });
  await using api = await startTestApi([service, aService("s2", "plain")]);
  const { text } = await api.get("/services/web");
  const specText =
    '{"Name":"web","Labels":{},"TaskTemplate":{"ContainerSpec":{"Image":"nginx","Isolation":"default"},"ForceUpdate":0,"Runtime":"container"},"Mode":{"Replicated":{"Replicas":2}}}';
  assert.equal(
    text,
    `{"ID":"${id("s1")}",${META},"Spec":${specText},"PreviousSpec":${specText},` +
      '"Endpoint":{"Spec":{"Mode":"vip"},"Ports":[{"Protocol":"tcp","TargetPort":80,"PublishedPort":80,"PublishMode":"ingress"}]},' +
      '"UpdateStatus":{"State":"completed","StartedAt":"1970-01-01T00:00:01Z","CompletedAt":"1970-01-01T00:00:02Z","Message":"update completed"},' +
      '"JobStatus":{"JobIteration":{"Index":2},"LastExecution":"1970-01-01T00:00:03Z"}}\n',
  );
  assert.match((await api.get("/services/plain")).text, /"Endpoint":\{"Spec":\{\}\}\}\n$/);
});

test("insertDefaults fills what is otherwise settled at its use", async () => {
  await using api = await startTestApi([
    aService("s1", "web", {}, { UpdateConfig: { Parallelism: 2, MaxFailureRatio: 0, Order: "stop-first" } }),
  ]);
  const { json } = await api.get("/services/web?insertDefaults=true");
  assert.partialDeepStrictEqual(json, {
    Spec: {
      TaskTemplate: {
        ContainerSpec: { StopGracePeriod: 10e9, DNSConfig: {} },
        Resources: {},
        RestartPolicy: { Condition: "any", Delay: 5e9, MaxAttempts: 0 },
        Placement: {},
      },
      UpdateConfig: { Parallelism: 2, Monitor: 5e9 },
      RollbackConfig: { Parallelism: 1, FailureAction: "pause", Monitor: 5e9, MaxFailureRatio: 0, Order: "stop-first" },
    },
  });
  assert.equal((await api.get("/services/web?insertDefaults=maybe")).status, 400);
});

test("the swarm, with its tokens and without its key", async () => {
  await using api = await startTestApi([aCluster()]);
  const { text } = await api.get("/swarm");
  assert.equal(
    text,
    `{"ID":"${id("cluster")}",${META},"Spec":{"Name":"default","Labels":{},"Orchestration":{"TaskHistoryRetentionLimit":5},` +
      '"Raft":{"SnapshotInterval":10000,"KeepOldSnapshots":0,"LogEntriesForSlowFollowers":500,"ElectionTick":10,"HeartbeatTick":1},' +
      '"Dispatcher":{"HeartbeatPeriod":5000000000},"CAConfig":{"NodeCertExpiry":7776000000000000},"TaskDefaults":{},"EncryptionConfig":{"AutoLockManagers":false}},' +
      '"TLSInfo":{},"RootRotationInProgress":false,"DefaultAddrPool":["10.0.0.0/8"],"SubnetSize":24,"DataPathPort":4789,' +
      '"JoinTokens":{"Worker":"SWMTKN-1-w","Manager":"SWMTKN-1-m"}}\n',
  );
});

test("secrets never show their data, configs do", async () => {
  await using api = await startTestApi([aSecret("s1", "pw", { a: "b" }), aConfig("c1", "conf")]);
  assert.equal(
    (await api.get("/secrets")).text,
    `[{"ID":"${id("s1")}",${META},"Spec":{"Name":"pw","Labels":{"a":"b"}}}]\n`,
  );
  assert.equal(
    (await api.get("/configs/conf")).text,
    `{"ID":"${id("c1")}",${META},"Spec":{"Name":"conf","Labels":{},"Data":"Y29uZmln"}}\n`,
  );
});

test("empty lists are lists", async () => {
  await using api = await startTestApi();
  for (const path of ["nodes", "services", "tasks", "secrets", "configs"]) {
    assert.equal((await api.get(`/v1.45/${path}`)).text, "[]\n");
  }
});

test("ten thousand tasks are one list", async () => {
  const service = aService("s1", "web");
  const tasks = Array.from({ length: 10_000 }, (_, slot) => aTask(`t${slot}x`, service, { slot }));
  await using api = await startTestApi([service, ...tasks]);
  const { json } = await api.get("/tasks");
  assert.equal((json as unknown[]).length, 10_000);
});
