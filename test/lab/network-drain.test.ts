import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { eventually, say, signal } from "./cluster.ts";
import { Hammer, summary } from "./hammer.ts";
import { createProbe, NEXT_PROBE, openProbeCluster, PROBE, probeScene, untilAnswering } from "./probe.ts";
import { runningRows, untilRunning, updateStatus } from "./task-rows.ts";

/** How many requests have to be made while something goes on, at least. */
const REQUESTS = 20_000;
/** The same while services are updated: what users do most often. */
const UPDATE_REQUESTS = 50_000;
/** Requests through other hosts succeed again within 6 s after a host was lost; a busy machine may take longer. */
const LOSS_MS = 20_000;

test("no request is lost when tasks come and go", { ...probeScene, timeout: 300_000 }, async (t) => {
  await using cluster = await openProbeCluster({ name: "drain", hosts: 3 });
  const { lab, manager } = cluster;
  const quick = ["--update-parallelism", "1", "--update-monitor", "100ms", "--restart-delay", "100ms"];
  // A container runs some moments before its server listens: only a health check tells when it can be asked.
  const health = ["--health-cmd", "curl -fs http://127.0.0.1/", "--health-interval", "500ms", "--health-retries", "20"];
  await createProbe(manager, "web", "--publish", "8080:80", "--replicas", "6", ...quick, ...health);
  const addresses = lab.hosts.map(({ address }) => address);
  // A client is told of running tasks by the manager, which other hosts may hear of some milliseconds later.
  for (const address of addresses) await untilAnswering(lab, `http://${address}:8080/`, 6);

  /** Asks all hosts while something goes on, and at least so many times. */
  const whileAsking = async (what: string, job: () => Promise<unknown>, requests = REQUESTS) => {
    using hammer = new Hammer(lab, { addresses, requests });
    await job();
    const report = await hammer.finish();
    t.diagnostic(`${what}: ${summary(report)}`);
    assert.deepEqual(report.failures, []);
    assert.deepEqual(report.callers, ["10.77.0.254"]);
    return report;
  };

  await t.test("three rolling updates", async () => {
    const update = async (image: string) => {
      await say(manager, "service", "update", "--quiet", "--image", image, "web");
      await eventually("it is completed", async () => (await updateStatus(manager, "web")).State === "completed");
    };
    const updates = async () => {
      for (const image of [NEXT_PROBE, PROBE, NEXT_PROBE]) await update(image);
    };
    await whileAsking("rolling updates", updates, UPDATE_REQUESTS);
  });

  await t.test("a rolling update that starts the new task first, two at a time", async () => {
    const order = ["--update-order", "start-first", "--update-parallelism", "2"];
    await whileAsking("rolling update, start first", () =>
      say(manager, "service", "update", "--quiet", ...order, "--image", PROBE, "web"),
    );
  });

  await t.test("a scale-down, and up again", async () => {
    await whileAsking("scale down and up", async () => {
      await say(manager, "service", "scale", "web=2");
      await say(manager, "service", "scale", "web=6");
    });
  });

  await t.test("the drain of a host", async () => {
    await whileAsking("drain", async () => {
      await say(manager, "node", "update", "--availability", "drain", "h3");
      await eventually("all tasks run elsewhere", async () => {
        const rows = await runningRows(manager, "web");
        return rows.length === 6 && rows.every(({ Node }) => Node !== "h3");
      });
    });
    await say(manager, "node", "update", "--availability", "active", "h3");
    await say(manager, "service", "update", "--quiet", "--force", "web");
    await untilRunning(manager, "web", 6);
  });

  await t.test("the loss of a host costs seconds", async () => {
    const left = addresses.slice(0, 2);
    using hammer = new Hammer(lab, { addresses: left, timeoutMs: 1_000, concurrency: 32 });
    await systemClock.sleep(1_000, signal);
    const lostAt = systemClock.now();
    await lab.host("h3").powerOff(signal);
    await eventually("all tasks run elsewhere", async () => {
      const rows = await runningRows(manager, "web");
      return rows.length === 6 && rows.every(({ Node }) => Node !== "h3");
    });
    await systemClock.sleep(2_000, signal);
    const report = await hammer.finish();
    const lastMs = Math.max(0, ...report.failures.map(({ at }) => at - lostAt));
    t.diagnostic(`lost host: ${summary(report)}; the last that failed began ${lastMs} ms after the loss`);
    assert.ok(lastMs < LOSS_MS, `requests failed until ${lastMs} ms after the loss`);
  });
});
