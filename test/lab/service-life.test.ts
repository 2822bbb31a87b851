import assert from "node:assert/strict";
import { test } from "node:test";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { create, refusal, runningRows, SLEEPER, taskRows, untilError, untilRunning } from "./task-rows.ts";

const REPLICATED = "{{.Spec.Mode.Replicated.Replicas}}";

test("a service lives: restarts, history, health, logs, interrupted commands, refusals", scene, async (t) => {
  await using cluster = await openCluster({ name: "life", hosts: 3 });
  const { manager } = cluster;

  await t.test("restart policies: never, on failure, always, and no more often than allowed", async () => {
    const restart = (condition: string) => ["--restart-condition", condition, "--restart-delay", "100ms"];
    await create(manager, "never", ...restart("none"), "busybox", "false");
    await create(manager, "succeeds", ...restart("on-failure"), "busybox", "true");
    await create(
      manager,
      "fails",
      ...restart("on-failure"),
      "--restart-max-attempts",
      "2",
      "busybox",
      "sh",
      "-c",
      "exit 3",
    );
    await create(manager, "always", ...restart("any"), "--restart-max-attempts", "1", "busybox", "true");
    const ended = async (service: string, count: number, state: string) => {
      const rows = await eventually(`${service} has ended ${count} times`, async () => {
        const found = await taskRows(manager, service);
        const over = found.filter((row) => row.DesiredState === "Shutdown" && row.CurrentState.startsWith(state));
        return over.length === count && found;
      });
      assert.equal(rows.length, count, `${service} was not restarted once more`);
      return rows;
    };
    await ended("never", 1, "Failed");
    await ended("succeeds", 1, "Complete");
    const failed = await ended("fails", 3, "Failed");
    for (const { Error } of failed) assert.equal(Error, '"task: non-zero exit (3)"');
    await ended("always", 2, "Complete");
    await say(manager, "service", "rm", "never", "succeeds", "fails", "always");
  });

  await t.test("the history keeps five tasks of a slot", async () => {
    await create(manager, "crash", "--restart-delay", "10ms", "busybox", "false");
    await eventually("it crashed often", async () => (await taskRows(manager, "crash")).length >= 5);
    const first = (await taskRows(manager, "crash")).map((row) => row.ID);
    const later = await eventually("all of those are forgotten", async () => {
      const rows = await taskRows(manager, "crash");
      return !rows.some((row) => first.includes(row.ID)) && rows;
    });
    assert.ok(later.length <= 6, `${later.length} tasks are kept`);
    await say(manager, "service", "rm", "crash");
  });

  await t.test("logs of all replicas, with their names", async () => {
    await create(
      manager,
      "talk",
      "--replicas",
      "3",
      "busybox",
      "sh",
      "-c",
      "echo hello; trap 'exit 0' TERM; sleep 1000 & wait",
    );
    await untilRunning(manager, "talk", 3);
    const lines = (await docker(manager, "service", "logs", "talk")).stdout.trim().split("\n").toSorted();
    assert.deepEqual(
      lines.map((line) => line.replace(/\.[0-9a-z]{12}@h\d +/, "@ ")),
      ["talk.1@ | hello", "talk.2@ | hello", "talk.3@ | hello"],
    );
    await say(manager, "service", "rm", "talk");
  });

  await t.test("a task that becomes unhealthy is replaced, and its end says why", async () => {
    const check = ["--health-cmd", "test ! -e /sick", "--health-interval", "200ms", "--health-retries", "1"];
    await create(manager, "well", ...check, "--restart-delay", "100ms", "--stop-grace-period", "1s", ...SLEEPER);
    const [first] = await untilRunning(manager, "well", 1);
    assert.ok(first);
    const host = cluster.lab.host(first.Node);
    const id = await host.docker(["ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=well"], signal);
    await host.docker(["exec", id.trim(), "touch", "/sick"], signal);
    const sick = await untilError(manager, "well", "unhealthy container");
    assert.equal(sick.ID, first.ID);
    await untilRunning(manager, "well", 1);
    await say(manager, "service", "rm", "well");
  });

  await t.test("Ctrl-C of a create leaves the service, and says so", async () => {
    const command = ["docker", "--host", "unix:///run/flotilla.sock", "service", "create", "--name", "slow"];
    const argv = ["timeout", "--signal=INT", "2", ...command, "--health-cmd", "false", ...SLEEPER];
    const { stdout } = await manager.exec(argv, signal);
    assert.match(stdout, /Operation continuing in background\./);
    assert.equal(await say(manager, "service", "inspect", "--format", REPLICATED, "slow"), "1");
    await say(manager, "service", "rm", "slow");
  });

  await t.test("a bad registry and its credentials keep nobody from the local image", async () => {
    await say(manager, "service", "create", "--quiet", "--with-registry-auth", "--name", "auth", "flotilla/demo:1");
    assert.equal((await runningRows(manager, "auth")).length, 1);
    await create(manager, "far", "--with-registry-auth", "registry.invalid:5000/app:1");
    assert.match(
      (await untilError(manager, "far", "No such image: registry.invalid:5000/app:1")).CurrentState,
      /^Rejected/,
    );
    await say(manager, "service", "rm", "auth", "far");
  });

  await t.test("what cannot be is refused with Docker's words", async () => {
    await create(manager, "web", "flotilla/demo:1");
    const long = "a".repeat(300);
    const refused: readonly [readonly string[], RegExp][] = [
      [["create", "--name", long, "busybox"], /name must be 63 characters or fewer/],
      [["create", "--name", "WEB", "busybox"], /name conflicts with an existing object/],
      [["create", "--name", "a.b", "busybox"], /name must be valid as a DNS name component/],
      [["create", "--constraint", "zone", "busybox"], /expected one operator from ==, !=/],
      [["create", "--limit-memory", "1m", "busybox"], /invalid memory value 1048576/],
      [["create", "--publish", "80:80", "--publish", "80:81", "busybox"], /duplicate published ports/],
      [["create", "--env", "A={{.Nope}}", "busybox"], /can't evaluate field Nope/],
      [["create", "Busy:::box"], /is not a valid/],
      [["scale", "nope=3"], /service nope not found/],
      [["rollback", "nope"], /service nope not found/],
      [["rollback", "web"], /does not have a previous spec/],
      [["logs", "nope"], /no such task or service: nope/],
    ];
    for (const [argv, complaint] of refused) assert.match(await refusal(manager, "service", ...argv), complaint);
    assert.equal(await say(manager, "service", "ls", "--format", "{{.Name}}"), "web");
  });
});
