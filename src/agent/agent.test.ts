import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { behaviourLabels } from "#engine/fake-container.ts";
import { AgentBed } from "./testing/agent-bed.ts";
import { IMAGE, secret, secretReference, task } from "./testing/builders.ts";
import { ManagerDouble } from "./testing/manager-double.ts";

const lost = new FlotillaError("unavailable", "the manager is gone");

test("a task is taken through its whole life, with one inspect besides create and start", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "running");
  const status = bed.manager.latest.get("t1");
  const container = bed.container("t1");
  assert.equal(status?.message, "started");
  assert.deepEqual(status?.container, { containerId: container?.id, pid: container?.pid, exitCode: 0 });
  assert.equal(bed.engine.calls("createContainer"), 1);
  assert.equal(bed.engine.calls("startContainer"), 1);
  assert.equal(bed.engine.calls("inspectContainer"), 1);

  bed.manager.put(task("t1", {}, { desired: "shutdown" }));
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "shutdown");
  assert.equal(bed.container("t1")?.state, "exited");

  bed.manager.remove(task("t1"));
  await bed.clock.advance(200);
  assert.equal(bed.container("t1"), undefined);
  assert.deepEqual(bed.db.tasks(), []);
  assert.equal(bed.failure, undefined);
});

test("a task that is to be kept ready is created, and started when it is wanted", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1", {}, { desired: "ready" }));
  await bed.start();
  await bed.clock.advance(1_000);
  assert.equal(bed.state("t1"), "ready");
  assert.equal(bed.container("t1")?.state, "created");
  bed.manager.put(task("t1"));
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "running");
});

interface Failure {
  readonly name: string;
  readonly labels?: Record<string, string>;
  readonly image?: string;
  readonly script?: (bed: AgentBed) => void;
  readonly want: { readonly state: string; readonly message: string; readonly err?: string };
}

const failures: readonly Failure[] = [
  {
    name: "exit code 0 completes",
    labels: behaviourLabels({ exitAfterMs: 50 }),
    want: { state: "complete", message: "finished" },
  },
  {
    name: "another exit code fails",
    labels: behaviourLabels({ exitAfterMs: 0, exitCode: 3 }),
    want: { state: "failed", message: "started", err: "task: non-zero exit (3)" },
  },
  {
    name: "an image that nobody has rejects with the pull's reason",
    image: "nobody/has:this",
    want: {
      state: "rejected",
      message: "preparing",
      err: "No such image: nobody/has:this: pull access denied for nobody/has:this, repository does not exist",
    },
  },
  {
    name: "a spec that the engine refuses rejects",
    script: ({ engine }) => engine.failNext("createContainer", new FlotillaError("invalid", "no such runtime")),
    want: { state: "rejected", message: "preparing", err: "no such runtime" },
  },
  {
    name: "a container that cannot start fails",
    script: ({ engine }) => engine.failNext("startContainer", new FlotillaError("invalid", "exec: not found")),
    want: { state: "failed", message: "starting", err: "starting container failed: exec: not found" },
  },
  {
    name: "an unhealthy container is stopped and fails",
    labels: behaviourLabels({ unhealthyAfterMs: 100, healthLog: "sick\n", stopExitCode: 143 }),
    want: {
      state: "failed",
      message: "starting",
      err: "task: non-zero exit (143): dockerexec: unhealthy container: sick",
    },
  },
  {
    name: "a container that turns unhealthy later fails, even if it then exits with 0",
    labels: behaviourLabels({ healthyAfterMs: 100, unhealthyAfterMs: 400, healthLog: "sick\n" }),
    want: { state: "failed", message: "started", err: "dockerexec: unhealthy container: sick" },
  },
];

for (const { name, labels, image, script, want } of failures) {
  test(name, async () => {
    await using bed = new AgentBed();
    script?.(bed);
    bed.manager.put(task("t1", { ...(labels && { Labels: labels }), ...(image && { Image: image }) }));
    await bed.start();
    await bed.clock.advance(1_000);
    const { state, message, err } = bed.manager.latest.get("t1") ?? {};
    assert.deepEqual({ state, message, ...(err !== undefined && { err }) }, want);
  });
}

test("a container with a health check runs once it is healthy", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1", { Labels: behaviourLabels({ healthyAfterMs: 3_000 }) }));
  await bed.start();
  await bed.clock.advance(2_900);
  assert.equal(bed.state("t1"), "starting");
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "running");
});

test("stopping waits for the grace of the spec, then kills", async () => {
  await using bed = new AgentBed();
  const stubborn = { Labels: behaviourLabels({ stopMs: "never" }), StopGracePeriod: 3e9 };
  bed.manager.put(task("t1", stubborn));
  await bed.start();
  await bed.clock.advance(200);
  bed.manager.put(task("t1", stubborn, { desired: "shutdown" }));
  await bed.clock.advance(2_900);
  assert.equal(bed.state("t1"), "running");
  await bed.clock.advance(300);
  assert.equal(bed.state("t1"), "shutdown");
  assert.equal(bed.manager.latest.get("t1")?.container?.exitCode, 137);
});

test("a pull that nobody needs any more is broken off", async () => {
  await using bed = new AgentBed();
  bed.engine.publishImage("big:1", { pullMs: 600_000 });
  bed.manager.put(task("t1", { Image: "big:1" }));
  await bed.start();
  await bed.clock.advance(5_000);
  assert.equal(bed.state("t1"), "preparing");
  bed.manager.put(task("t1", { Image: "big:1" }, { desired: "shutdown" }));
  await bed.clock.advance(200);
  assert.equal(bed.state("t1"), "shutdown");
  assert.equal(bed.container("t1"), undefined);
});

test("a container that others removed fails its task; one that only was ready is made again", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"), task("t2", {}, { desired: "ready", slot: 2 }));
  await bed.start();
  await bed.clock.advance(200);
  for (const { id } of bed.engine.containers) await bed.engine.removeContainer(id, new AbortController().signal);
  await bed.clock.advance(200);
  assert.equal(bed.manager.latest.get("t1")?.err, "dockerexec: container destroyed");
  assert.equal(bed.state("t2"), "ready");
  assert.equal(bed.container("t2")?.state, "created");
});

test("a restarted daemon takes its containers over, without a manager", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(200);
  const before = bed.container("t1");
  await bed.stop();
  assert.equal(bed.container("t1")?.state, "running");

  bed.manager.refusal = lost;
  await bed.start();
  await bed.clock.advance(10_000);
  assert.deepEqual(bed.container("t1"), before);
  bed.engine.exit(before?.id ?? "", 9);
  await bed.clock.advance(100);
  bed.manager.refusal = undefined;
  await bed.clock.advance(3_000);
  assert.equal(bed.manager.latest.get("t1")?.err, "task: non-zero exit (9)");
  assert.equal(bed.engine.calls("createContainer"), 1);
});

test("a daemon that lost its database takes over the containers by their names", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(200);
  await bed.stop();
  bed.db.clear();
  bed.manager.reports.length = 0;
  await bed.start();
  await bed.clock.advance(500);
  assert.equal(bed.state("t1"), "running");
  assert.equal(bed.engine.containers.length, 1);
  assert.equal(bed.engine.calls("startContainer"), 1);
});

test("a task that the manager forgot while the daemon was down is removed, and so is a container of no task", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"), task("t2", {}, { slot: 2 }));
  await bed.start();
  await bed.clock.advance(200);
  await bed.stop();
  bed.manager.remove(task("t1"));
  bed.manager.remove(task("t2"));
  bed.db.remove("t2");
  await bed.start();
  await bed.clock.advance(1_000);
  assert.deepEqual(bed.engine.containers, []);
});

test("a task whose image comes from another host says how far it is, now and then", async () => {
  await using bed = new AgentBed();
  const sizes = [10_000_000, 20_000_000, 90_000_000];
  bed.manager.bring = async function* ({ image }, signal) {
    for (const sentBytes of sizes) {
      yield { from: "h2", sentBytes, totalBytes: 120_000_000 };
      await bed.clock.sleep(1_500, signal);
    }
    bed.engine.addImage(image);
  };
  bed.manager.put(task("t1", { Image: "made-here:1" }));
  await bed.start();
  await bed.clock.advance(10_000);
  const messages = bed.manager.reports.map(({ status }) => status.message);
  assert.deepEqual(
    messages.filter((message) => message.startsWith("preparing")),
    [
      "preparing: copying its image from h2 (10 MB of 120 MB)",
      "preparing: copying its image from h2 (90 MB of 120 MB)",
    ],
  );
  assert.deepEqual([bed.state("t1"), bed.engine.calls("pullImage")], ["running", 0]);
});

test("after a restart of the daemon a pull waits for the credentials, which are not on the disk", async () => {
  await using bed = new AgentBed();
  bed.engine.publishImage("private:1", { pullMs: 60_000 });
  bed.manager.put({ ...task("t1", { Image: "private:1" }), registryAuth: "e30=" });
  await bed.start();
  await bed.clock.advance(1_000);
  await bed.stop();
  bed.manager.refusal = lost;
  await bed.start();
  await bed.clock.advance(5_000);
  assert.equal(bed.engine.calls("pullImage"), 1, "the one before the restart");
  bed.manager.refusal = undefined;
  await bed.clock.advance(65_000);
  assert.deepEqual([bed.engine.calls("pullImage"), bed.state("t1")], [2, "running"]);
});

test("an engine that restarts fails no task whose container lives on", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(200);
  bed.engine.crash({ liveRestore: true });
  bed.manager.put(task("t2", {}, { slot: 2 }));
  await bed.clock.advance(5_000);
  assert.equal(bed.state("t1"), "running");
  assert.equal(bed.state("t2"), "preparing");
  assert.match(bed.manager.latest.get("t2")?.err ?? "", /does not answer/);
  bed.engine.restart();
  await bed.clock.advance(2_000);
  assert.equal(bed.state("t1"), "running");
  assert.equal(bed.state("t2"), "running");
  assert.equal(bed.manager.latest.get("t2")?.err, undefined);
});

test("an engine that restarts without its containers fails their tasks once it is back", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(200);
  bed.engine.crash();
  await bed.clock.advance(5_000);
  assert.equal(bed.state("t1"), "running");
  bed.engine.restart();
  await bed.clock.advance(1_000);
  assert.equal(bed.manager.latest.get("t1")?.err, "task: non-zero exit (137)");
});

test("beats go on while a task is slow, and a lost session is replaced, with all statuses told again", async () => {
  await using bed = new AgentBed();
  bed.engine.delay("createContainer", 60_000);
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(10_500);
  assert.equal(bed.manager.beats, 11);
  bed.manager.reports.length = 0;
  bed.manager.drop(lost);
  await bed.clock.advance(500);
  assert.equal(bed.manager.sessions, 2);
  assert.deepEqual(bed.manager.states("t1"), ["preparing"]);
});

test("a manager that no longer answers beats is given up before the node counts as down", async () => {
  await using bed = new AgentBed();
  await bed.start();
  await bed.clock.advance(100);
  bed.manager.hangs = true;
  await bed.clock.advance(3_500);
  assert.equal(bed.manager.sessions, 2);
});

test("another manager is tried when one is lost, and the list is remembered", async () => {
  await using bed = new AgentBed();
  const second = new ManagerDouble("m2:2377");
  bed.others.set(second.addr, second);
  const managers = [
    { nodeId: "a", addr: bed.manager.addr, live: true },
    { nodeId: "b", addr: second.addr, live: true },
  ];
  bed.manager.managers = managers;
  second.managers = managers;
  await bed.start();
  await bed.clock.advance(100);
  assert.deepEqual(bed.db.managers(), ["m1:2377", "m2:2377"]);
  bed.manager.refusal = lost;
  bed.manager.drop(lost);
  await bed.clock.advance(1_000);
  assert.equal(second.sessions, 1);
});

test("a node moves to the manager that should have it, after a while, and its containers do not notice", async () => {
  await using bed = new AgentBed();
  const second = new ManagerDouble("m2:2377");
  bed.others.set(second.addr, second);
  const managers = [
    { nodeId: "b", addr: second.addr, live: true },
    { nodeId: "a", addr: bed.manager.addr, live: false },
  ];
  bed.manager.managers = managers;
  second.managers = managers;
  bed.manager.put(task("t1"));
  second.put(task("t1"));
  await bed.start();
  await bed.clock.advance(4_000);
  assert.deepEqual([bed.manager.sessions, second.sessions], [1, 0]);
  const container = bed.container("t1")?.id;
  await bed.clock.advance(90_000);
  assert.deepEqual([bed.manager.sessions, second.sessions], [1, 1]);
  assert.equal(second.latest.get("t1")?.state, "running");
  assert.equal(bed.container("t1")?.id, container);
});

test("a message that was missed leads to a new session with everything", async () => {
  await using bed = new AgentBed();
  await bed.start();
  await bed.clock.advance(100);
  bed.manager.putSilently(task("t1"));
  bed.manager.put(task("t2", {}, { slot: 2 }));
  await bed.clock.advance(1_000);
  assert.equal(bed.manager.sessions, 2);
  assert.equal(bed.state("t1"), "running");
  assert.equal(bed.state("t2"), "running");
});

test("a node that the managers keep refusing says so, and leaves its containers alone", async () => {
  await using bed = new AgentBed();
  bed.manager.put(task("t1"));
  await bed.start();
  await bed.clock.advance(200);
  bed.manager.refusal = new FlotillaError("not_found", "node n1 not found");
  bed.manager.drop(new FlotillaError("not_found", "node was removed from the swarm"));
  await bed.clock.advance(20_000);
  assert.deepEqual(bed.outcome, { kind: "removed", reason: "node n1 not found" });
  assert.equal(bed.container("t1")?.state, "running");
});

test("a manager that is merely away is tried for ever", async () => {
  await using bed = new AgentBed();
  bed.manager.refusal = lost;
  await bed.start();
  await bed.clock.advance(600_000);
  assert.equal(bed.outcome, undefined);
  bed.manager.refusal = undefined;
  await bed.clock.advance(2_000);
  assert.equal(bed.manager.sessions, 1);
});

test("a changed description is told within 20 s", async () => {
  await using bed = new AgentBed();
  await bed.start();
  await bed.clock.advance(100);
  bed.engine.description = { ...bed.engine.description, Hostname: "renamed" };
  await bed.clock.advance(20_000);
  assert.deepEqual(
    bed.manager.descriptions.map(({ Hostname }) => Hostname),
    ["host1", "renamed"],
  );
});

test("secrets are in place before the container, wait for their arrival, and go with the task", async () => {
  await using bed = new AgentBed();
  const reader = task("t1", { Secrets: [secretReference("x1", "key")] });
  await bed.start();
  bed.manager.put(reader);
  await bed.clock.advance(500);
  assert.equal(bed.manager.latest.get("t1")?.err, "waiting for a manager to send secret key");
  bed.manager.put(secret("x1", "key", "s3cret"));
  await bed.clock.advance(100);
  assert.equal(bed.state("t1"), "running");
  const [file] = bed.files.tasks.get("t1") ?? [];
  assert.equal(Buffer.from(file?.data ?? []).toString(), "s3cret");
  assert.match(JSON.stringify(bed.engine.body(bed.container("t1")?.id ?? "")), /\/secrets\/t1\/0/);
  bed.manager.remove(reader);
  await bed.clock.advance(100);
  assert.equal(bed.files.tasks.size, 0);
});

test("tasks of one node are brought up side by side", async () => {
  await using bed = new AgentBed();
  bed.engine.delay("createContainer", 100);
  bed.engine.delay("startContainer", 300);
  const tasks = Array.from({ length: 12 }, (_, index) => task(`t${index}`, { Image: IMAGE }, { slot: index + 1 }));
  bed.manager.put(...tasks);
  await bed.start();
  await bed.clock.advance(460);
  assert.equal([...bed.manager.latest.values()].filter(({ state }) => state === "running").length, 12);
  assert.equal(bed.engine.calls("inspectContainer"), 12);
});
