import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cluster, eventually, openCluster, say, scene } from "./cluster.ts";
import { containerCount, create, labelZones, perNode, refusal, SLEEPER, taskRows, untilRunning } from "./task-rows.ts";

const REPLICAS = "{{.Mode}} {{.Replicas}}";

test("jobs run to their end, as often as they should", scene, async (t) => {
  await using cluster = await openCluster({ name: "job", hosts: 3 });
  const { manager } = cluster;
  await labelZones(cluster);

  await t.test("a replicated job completes all its tasks, no more than two at a time", async () => {
    const mode = ["--mode", "replicated-job", "--replicas", "5", "--max-concurrent", "2"];
    await say(
      manager,
      "service",
      "create",
      "--quiet",
      "--name",
      "sum",
      ...mode,
      "busybox",
      "sh",
      "-c",
      "echo ran; sleep 0.5",
    );
    assert.equal(await listed(cluster, "sum"), "replicated job 0/2 (5/5 completed)");
    const rows = await taskRows(manager, "sum");
    assert.equal(rows.length, 5);
    for (const row of rows) assert.match(`${row.DesiredState} ${row.CurrentState}`, /^Complete Complete/);
    assert.equal((await say(manager, "service", "logs", "--raw", "sum")).split("\n").length, 5);
  });

  await t.test("an update by force runs it again, and the history tells of both", async () => {
    await say(manager, "service", "update", "--quiet", "--force", "sum");
    const rows = await taskRows(manager, "sum");
    assert.equal(rows.length, 10);
    assert.equal(await listed(cluster, "sum"), "replicated job 0/2 (5/5 completed)");
    const status = JSON.parse(await say(manager, "service", "inspect", "--format", "{{json .JobStatus}}", "sum"));
    assert.ok(status.JobIteration.Index > 0);
    assert.ok(Date.parse(status.LastExecution) > 0);
  });

  await t.test("scaling a job is another run of it", async () => {
    await say(manager, "service", "scale", "sum=7");
    assert.equal(await listed(cluster, "sum"), "replicated job 0/2 (7/7 completed)");
  });

  await t.test("a global job runs once on each node that may have it", async () => {
    const constraint = ["--constraint", "node.labels.zone==a"];
    await say(
      manager,
      "service",
      "create",
      "--quiet",
      "--name",
      "each",
      "--mode",
      "global-job",
      ...constraint,
      "busybox",
      "true",
    );
    assert.equal(perNode(await taskRows(manager, "each")), "h1: 1, h3: 1");
    assert.equal(await listed(cluster, "each"), "global job 0/0 (2/2 completed)");
  });

  await t.test("a job that fails is tried again as often as its policy says", async () => {
    const retry = ["--restart-max-attempts", "2", "--restart-delay", "100ms"];
    await create(manager, "bad", "--mode", "replicated-job", ...retry, "busybox", "sh", "-c", "exit 3");
    await create(manager, "once", "--mode", "replicated-job", "--restart-condition", "none", "busybox", "false");
    for (const [name, tries] of [
      ["bad", 3],
      ["once", 1],
    ] as const) {
      const rows = await eventually(`${name} has given up`, async () => {
        const found = await taskRows(manager, name);
        return found.length === tries && found.every((row) => row.DesiredState === "Shutdown") && found;
      });
      for (const row of rows) assert.match(row.CurrentState, /^Failed/);
      assert.equal(await listed(cluster, name), "replicated job 0/1 (0/1 completed)");
    }
  });

  await t.test("a job that failed for its image runs once that is put right", async () => {
    const delay = ["--restart-delay", "100ms"];
    await create(manager, "fixed", "--mode", "replicated-job", ...delay, "nothere:1");
    await eventually("it is rejected", async () =>
      (await taskRows(manager, "fixed")).some((row) => row.CurrentState.startsWith("Rejected")),
    );
    await say(manager, "service", "update", "--quiet", "--image", "flotilla/demo:1", "--entrypoint", "true", "fixed");
    assert.equal(await listed(cluster, "fixed"), "replicated job 0/1 (1/1 completed)");
  });

  await t.test("a running job is stopped when it is removed, and when it is run again", async () => {
    await create(manager, "long", "--mode", "replicated-job", "--replicas", "2", ...SLEEPER);
    const before = (await untilJobRuns(cluster, "long", 2)).map((row) => row.ID);
    await say(manager, "service", "update", "--detach", "--force", "long");
    await eventually("a new run replaces the old one", async () => {
      const rows = await untilJobRuns(cluster, "long", 2);
      return rows.every((row) => !before.includes(row.ID));
    });
    await say(manager, "service", "rm", "long");
    await eventually("nothing is left of it", async () => (await containerCount(cluster, "long")) === 0);
  });

  await t.test("what a job cannot have is refused", async () => {
    const job = ["service", "create", "--mode", "replicated-job"];
    assert.match(await refusal(manager, ...job, "--update-delay", "5s", "busybox"), /not supported for jobs/);
    assert.match(await refusal(manager, "service", "rollback", "each"), /does not have a previous spec/);
  });

  await t.test("a job on a paused node finishes; one on a drained node too", async () => {
    const script = "trap 'exit 0' TERM; sleep 3 & wait $!";
    await create(
      manager,
      "stay",
      "--mode",
      "replicated-job",
      "--constraint",
      "node.hostname==h2",
      "busybox",
      "sh",
      "-c",
      script,
    );
    await untilJobRuns(cluster, "stay", 1);
    await say(manager, "node", "update", "--availability", "drain", "h2");
    await eventually("it is done", async () => (await listed(cluster, "stay")).endsWith("(1/1 completed)"));
    assert.equal((await taskRows(manager, "stay")).length, 1);
    await say(manager, "node", "update", "--availability", "active", "h2");
    await create(manager, "web", "flotilla/demo:1");
    await untilRunning(manager, "web", 1);
  });
});

const listed = ({ manager }: Cluster, name: string): Promise<string> =>
  say(manager, "service", "ls", "--filter", `name=${name}`, "--format", REPLICAS);

/** A job's tasks are desired complete, not running. */
const untilJobRuns = ({ manager }: Cluster, service: string, count: number) =>
  eventually(`${count} tasks of ${service} run`, async () => {
    const rows = (await taskRows(manager, service)).filter(
      (row) => row.DesiredState === "Complete" && row.CurrentState.startsWith("Running"),
    );
    return rows.length === count && rows;
  });
