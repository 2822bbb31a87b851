import assert from "node:assert/strict";
import { test } from "node:test";
import { RunningClient } from "./client.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";

const ONCE = ["service", "create", "--quiet", "--detach", "--restart-condition", "none"];
const FAST_LINES = 100_000;

const sh = (script: string): readonly string[] => ["busybox", "sh", "-c", script];
const counting = (to: number): readonly string[] => Array.from({ length: to }, (_, i) => String(i + 1));

test("the logs of services and tasks", scene, async (t) => {
  await using cluster = await openCluster({ name: "logs", hosts: 3 });
  const { manager, workers, lab } = cluster;
  const isComplete = async (service: string, tasks: number) => {
    const states = await say(manager, "service", "ps", "--format", "{{.CurrentState}}", service);
    return states.split("\n").filter((state) => state.startsWith("Complete")).length === tasks;
  };

  await t.test("are whole and in order for tasks that ended, on every host", async () => {
    await say(manager, ...ONCE, "--name", "count", "--mode", "global", ...sh("seq 1 1000; echo done >&2"));
    await eventually("the tasks complete", () => isComplete("count", 3));
    const { stdout, stderr, code } = await docker(manager, "service", "logs", "count");
    assert.equal(code, 0);
    for (const host of lab.hosts) {
      const own = (text: string) =>
        text.split("\n").flatMap((line) => {
          const match = /^count\.\S+@(\S+)\s+\| (.*)$/.exec(line);
          return match?.[1] === host.name ? (match[2] ?? "") : [];
        });
      assert.deepEqual(own(stdout), counting(1_000));
      assert.deepEqual(own(stderr), ["done"]);
    }
  });

  await t.test("can be cut and decorated as the client asks", async () => {
    const [task = ""] = (await say(manager, "service", "ps", "--quiet", "--no-trunc", "count")).split("\n");
    const logs = (...argv: readonly string[]) => docker(manager, "service", "logs", ...argv);
    assert.deepEqual((await logs("--raw", "--tail", "0", "count")).stdout, "");
    const tail = await logs("--raw", "--tail", "2", task);
    assert.equal((tail.stdout + tail.stderr).split("\n").length - 1, 2);
    const stamped = await logs("--timestamps", "--tail", "1", task);
    assert.match(stamped.stdout + stamped.stderr, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z count\./);
    assert.ok((await logs("--no-trunc", task)).stdout.includes(task));
    assert.match((await logs("--details", "--raw", task)).stdout, /com\.docker\.swarm\.node\.id=/);
    assert.equal((await logs("--since", "2040-01-01T00:00:00Z", "count")).stdout, "");
    const all = await logs("--raw", "--since", "1h", task);
    assert.deepEqual(all.stdout.trimEnd().split("\n"), counting(1_000));
    const bad = await logs("--tail", "many", "count");
    assert.match(bad.stderr, /tail value must be a positive integer or "all"/);
    assert.equal(bad.code, 1);
    assert.match((await logs("nothing")).stderr, /no such task or service: nothing/);
  });

  await t.test("of a fast writer that ends lose no line, neither when followed nor afterwards", async () => {
    await say(manager, ...ONCE, "--name", "fast", ...sh(`sleep 1; seq 1 ${FAST_LINES}`));
    using follower = new RunningClient(manager, ["service", "logs", "--follow", "--raw", "fast"]);
    await eventually("the task completes", () => isComplete("fast", 1));
    await eventually("all lines arrive", () => follower.lines.length >= FAST_LINES);
    assert.deepEqual(follower.lines, counting(FAST_LINES));
    const { stdout } = await docker(manager, "service", "logs", "--raw", "fast");
    assert.deepEqual(stdout.trimEnd().split("\n"), counting(FAST_LINES));
    await say(manager, "service", "rm", "fast");
    await follower.ended();
    assert.equal(follower.exitCode, 0, follower.stderr);
  });

  await t.test("followed, take up tasks that come later, until the client leaves", async () => {
    const loop = 'trap "exit 0" TERM; echo "up $(hostname)"; while :; do sleep 1 & wait $!; done';
    await say(manager, ...ONCE, "--name", "grow", "--stop-grace-period", "1s", ...sh(loop));
    using follower = new RunningClient(manager, ["service", "logs", "--follow", "grow"]);
    const sources = () => new Set(follower.lines.map((line) => line.split(/\s/)[0]));
    await eventually("the first task is heard", () => sources().size === 1);
    await say(manager, "service", "scale", "--detach", "grow=4");
    await eventually("the new tasks are heard", () => sources().size === 4);
    await say(manager, "service", "update", "--quiet", "--detach", "--force", "--update-parallelism", "0", "grow");
    await eventually("their replacements are heard", () => sources().size === 8);
    assert.equal(follower.lines.length, 8, "every line once");
    follower.signal("SIGINT");
    await follower.ended();
  });

  await t.test("say when those of a lost node are missing", async () => {
    const lost = workers[1];
    assert.ok(lost);
    await lost.powerOff(signal);
    await eventually("the loss is noticed", async () => {
      return (await say(manager, "node", "inspect", "--format", "{{.Status.State}}", lost.name)) === "down";
    });
    const { stdout, stderr } = await docker(manager, "service", "logs", "count");
    assert.equal(stdout.split("\n").filter((line) => line.includes(`@${manager.name} `)).length, 1_000);
    assert.match(stderr, /incomplete log stream/);
  });
});
