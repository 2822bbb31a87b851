import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execute, type Finished } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { untilServing } from "#lab/serving.ts";
import { RunningClient } from "./client.ts";
import { docker, eventually, formSwarm, openCluster, say, scene, signal } from "./cluster.ts";

const SLEEPER = ["busybox", "sh", "-c", 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'];

/** A `docker` client with something on its input. */
const dockerWith = (host: LabHost, input: string | Uint8Array, argv: readonly string[], env = {}): Promise<Finished> =>
  execute({ argv: ["docker", "--host", `unix://${host.daemonSocket}`, ...argv], input, env }, signal);

/** Runs a client on a terminal of its own, 40 rows by 100 columns. */
const onTerminal = (host: LabHost, input: string, argv: readonly string[]): Promise<Finished> => {
  const client = ["docker", "--host", `unix://${host.daemonSocket}`, ...argv].join(" ");
  const command = `stty rows 40 cols 100; ${client}`;
  return execute({ argv: ["script", "--quiet", "--return", "--command", command, "/dev/null"], input }, signal);
};

/** What every host does for a plain client, in a cluster or not. */
async function usesHost(host: LabHost): Promise<void> {
  const echo = await dockerWith(host, "hi\n", ["run", "-i", "--rm", "busybox", "cat"]);
  assert.deepEqual(echo, { code: 0, stdout: "hi\n", stderr: "" }, "the end of the input reaches the container");
  const both = await docker(host, "run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7");
  assert.deepEqual(both, { code: 7, stdout: "out\n", stderr: "err\n" });
  const terminal = await onTerminal(host, "sleep 1; stty size; exit 3\n", ["run", "-it", "--rm", "busybox", "sh"]);
  assert.equal(terminal.code, 3);
  assert.match(terminal.stdout, /40 100/, "the terminal's size reaches the container");

  const id = await say(host, "run", "--detach", ...SLEEPER);
  const exec = await dockerWith(host, "in\n", ["exec", "-i", id, "sh", "-c", "cat; exit 5"]);
  assert.deepEqual([exec.code, exec.stdout], [5, "in\n"]);
  assert.match((await docker(host, "stats", "--no-stream", id)).stdout, new RegExp(id.slice(0, 12)));
  await say(host, "rm", "--force", id);
}

test("a daemon is its engine, to whoever wants only that", scene, async (t) => {
  await using cluster = await openCluster({ name: "pass", hosts: 2, formed: false });
  const { manager, workers } = cluster;
  const [worker] = workers;
  assert.ok(worker);
  const directory = mkdtempSync(join(tmpdir(), "pass-"));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(directory, { recursive: true }));

  await t.test("before there is a cluster", () => usesHost(manager));
  await formSwarm(manager, workers);
  await t.test("on the manager", () => usesHost(manager));
  await t.test("on a worker", () => usesHost(worker));

  await t.test("images are built, saved and loaded", async () => {
    writeFileSync(join(directory, "Dockerfile"), "FROM busybox\nADD data /data\nRUN test -s /data\n");
    writeFileSync(join(directory, "data"), randomBytes(5_000_000));
    const build = ["build", "--quiet", "--tag", "built", directory];
    const built = await dockerWith(worker, "", build, { DOCKER_BUILDKIT: "0" });
    assert.equal(built.code, 0, built.stderr);
    await say(worker, "save", "--output", join(directory, "image.tar"), "built");
    await say(manager, "load", "--quiet", "--input", join(directory, "image.tar"));
    const id = (host: LabHost) => say(host, "image", "inspect", "--format", "{{.Id}}", "built");
    assert.equal(await id(manager), await id(worker));
  });

  await t.test("files are copied both ways, byte by byte", async () => {
    const id = await say(worker, "create", "busybox");
    const [source, copy] = [join(directory, "data"), join(directory, "copy")];
    await say(worker, "cp", "--quiet", source, `${id}:/data`);
    await say(worker, "cp", "--quiet", `${id}:/data`, copy);
    assert.ok(readFileSync(source).equals(readFileSync(copy)));
    await say(worker, "rm", id);
  });

  await t.test("streams go on until their client or their container ends", async () => {
    using events = new RunningClient(worker, ["events", "--filter", "type=container", "--format", "{{.Action}}"]);
    const script = "seq 1 5; read line; seq 6 10";
    const id = await say(worker, "run", "--detach", "--interactive", "busybox", "sh", "-c", script);
    using logs = new RunningClient(worker, ["logs", "--follow", id]);
    using wait = new RunningClient(worker, ["wait", id]);
    using attached = new RunningClient(worker, ["attach", id], "pipe");
    await eventually("the first half is logged", () => logs.lines.length === 5);
    await eventually("the start is told", () => events.lines.includes("attach"));
    attached.write("go\n");
    await Promise.all([logs.ended(), wait.ended(), attached.ended()]);
    assert.equal(logs.lines.length, 10);
    assert.equal(wait.stdout, "0\n");
    assert.deepEqual(attached.lines, ["6", "7", "8", "9", "10"]);
    await eventually("the end is told", () => events.lines.includes("die"));
    events.signal("SIGINT");
    await events.ended();
  });

  await t.test("large output arrives whole, and a client that is killed leaves nothing behind", async () => {
    const large = await docker(worker, "run", "--rm", "busybox", "sh", "-c", "head -c 50000000 /dev/zero");
    assert.equal(large.stdout.length, 50_000_000);
    const id = await say(worker, "run", "--detach", ...SLEEPER);
    using killed = new RunningClient(worker, ["exec", id, "sh", "-c", "yes"]);
    await eventually("it prints", () => killed.stdout.length > 1_000_000);
    killed.signal("SIGKILL");
    await killed.ended();
    assert.equal((await docker(worker, "exec", id, "echo", "ok")).stdout, "ok\n");
    await say(worker, "rm", "--force", id);
  });

  await t.test("fifty exec at once all get their own answer", async () => {
    const id = await say(manager, "run", "--detach", ...SLEEPER);
    const numbers = Array.from({ length: 50 }, (_, i) => `n${i}`);
    const answers = await Promise.all(numbers.map((n) => dockerWith(manager, n, ["exec", "-i", id, "cat"])));
    assert.deepEqual(
      answers.map(({ stdout, stderr }) => stdout + stderr),
      numbers,
    );
    await say(manager, "rm", "--force", id);
  });

  await t.test("an engine that is away is said to be, and is used again when it is back", async () => {
    await worker.engine.stop(signal);
    const ps = await docker(worker, "ps");
    assert.equal(ps.code, 1);
    assert.match(ps.stderr, /Docker Engine|engine/);
    t.diagnostic(ps.stderr.trim());
    assert.equal((await docker(manager, "node", "ls")).code, 0);
    await worker.startEngine([], signal);
    await untilServing(worker.engine, worker.engineSocket, signal);
    assert.equal((await docker(worker, "ps")).code, 0);
    await usesHost(worker);
  });
});
