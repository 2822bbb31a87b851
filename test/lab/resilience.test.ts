import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import type { LabHost } from "#lab/host.ts";
import { untilServing } from "#lab/serving.ts";
import { type Cluster, docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";

const REPLICAS = 6;

/** The running containers of a service on a host, by the engine's own account: `id started-at` each. */
async function containersOn(host: LabHost, service = "web"): Promise<readonly string[]> {
  const filter = `label=com.docker.swarm.service.name=${service}`;
  const ids = (await host.docker(["ps", "--quiet", "--no-trunc", "--filter", filter], signal)).split("\n");
  const found = ids.filter((id) => id !== "");
  if (found.length === 0) return [];
  const format = "{{.Id}} {{.State.StartedAt}}";
  return (await host.docker(["inspect", "--format", format, ...found], signal)).trim().split("\n").toSorted();
}

const containers = async ({ lab }: Cluster, service = "web"): Promise<readonly string[]> =>
  (await Promise.all(lab.hosts.filter((host) => host.isOn).map((host) => containersOn(host, service)))).flat();

/** Tasks of a service that should run and do, as `slot node`. */
async function running({ manager }: Cluster, service = "web"): Promise<readonly string[]> {
  const format = "{{.Name}} {{.Node}} {{.CurrentState}}";
  const lines = await say(manager, "service", "ps", "--filter", "desired-state=running", "--format", format, service);
  return lines.split("\n").flatMap((line) => {
    const [name, node, state] = line.split(" ");
    return state === "Running" ? `${name} ${node}` : [];
  });
}

/** Each slot runs once by the manager's account, and the engines run just as many containers. */
const isWhole = async (cluster: Cluster, service = "web", replicas = REPLICAS): Promise<boolean> => {
  const tasks = await running(cluster, service);
  const slots = new Set(tasks.map((task) => task.split(" ")[0]));
  return (
    tasks.length === replicas && slots.size === replicas && (await containers(cluster, service)).length === replicas
  );
};

const nodeState = (cluster: Cluster, host: LabHost): Promise<string> =>
  say(cluster.manager, "node", "inspect", "--format", "{{.Status.State}}", host.name);

const untilReady = (cluster: Cluster, host: LabHost): Promise<unknown> =>
  eventually(`${host.name} is ready`, async () => (await nodeState(cluster, host)) === "ready", 20_000);

async function restartDaemon(host: LabHost): Promise<number> {
  const startedAt = systemClock.now();
  await host.daemon.restart(signal);
  await untilServing(host.daemon, host.daemonSocket, signal);
  return systemClock.now() - startedAt;
}

function worker({ workers }: Cluster, index: number): LabHost {
  const host = workers[index];
  assert.ok(host, "the cluster has that many workers");
  return host;
}

const move = async (cluster: Cluster, away: LabHost): Promise<number> => {
  const startedAt = systemClock.now();
  await eventually(
    `the tasks of ${away.name} run elsewhere`,
    async () => {
      const tasks = await running(cluster);
      return tasks.length === REPLICAS && !tasks.some((task) => task.endsWith(` ${away.name}`));
    },
    20_000,
  );
  return systemClock.now() - startedAt;
};

const rebalance = async (cluster: Cluster): Promise<void> => {
  await say(cluster.manager, "service", "update", "--quiet", "--detach", "--force", "web");
  await eventually(
    "all is well again",
    async () => {
      const tasks = await running(cluster);
      const nodes = new Set(tasks.map((task) => task.split(" ")[1]));
      return nodes.size === cluster.lab.hosts.length && (await isWhole(cluster));
    },
    30_000,
  );
};

test("a cluster lives through what befalls its parts", scene, async (t) => {
  await using cluster = await openCluster({ name: "res", hosts: 3 });
  const { manager } = cluster;
  const create = ["service", "create", "--quiet", "--name", "web", "--replicas", String(REPLICAS)];
  const quick = ["--restart-delay", "100ms", "--update-parallelism", "3", "--update-monitor", "100ms"];
  await say(manager, ...create, ...quick, "flotilla/demo:1");
  await eventually("the service runs", () => isWhole(cluster));

  await t.test("daemons that are killed come back to containers that nobody touched", async () => {
    const before = await containers(cluster);
    for (const host of [worker(cluster, 0), manager]) {
      await host.daemon.kill(signal);
      t.diagnostic(`${host.name}: daemon serves ${await restartDaemon(host)} ms after its start`);
      await untilReady(cluster, host);
    }
    await eventually("the service runs", () => isWhole(cluster));
    assert.deepEqual(await containers(cluster), before);
    const history = await say(manager, "service", "ps", "--quiet", "web");
    assert.equal(history.split("\n").length, REPLICAS, "no task was replaced");
  });

  await t.test("a restarted engine's tasks are started again by their policy", async () => {
    const host = worker(cluster, 0);
    const others = [...(await containersOn(manager)), ...(await containersOn(worker(cluster, 1)))];
    await host.engine.restart(signal);
    await untilServing(host.engine, host.engineSocket, signal);
    await eventually("the service runs", () => isWhole(cluster), 30_000);
    const after = [...(await containersOn(manager)), ...(await containersOn(worker(cluster, 1)))];
    for (const container of others) assert.ok(after.includes(container), "other hosts' containers are untouched");
  });

  await t.test("a worker's daemon that hangs for 3 s loses nothing", async () => {
    await rebalance(cluster);
    const before = await containers(cluster);
    const host = worker(cluster, 0);
    host.daemon.freeze();
    await systemClock.sleep(3_000, signal);
    host.daemon.thaw();
    await untilReady(cluster, host);
    assert.deepEqual(await containers(cluster), before);
  });

  await t.test("the tasks of a daemon that hangs for long run elsewhere, and once", async () => {
    const host = worker(cluster, 0);
    host.daemon.freeze();
    t.diagnostic(`hang: tasks run elsewhere after ${await move(cluster, host)} ms`);
    host.daemon.thaw();
    await untilReady(cluster, host);
    await eventually("no twin is left", () => isWhole(cluster));
  });

  await t.test("the tasks of a host that loses its power run elsewhere; it comes back without twins", async () => {
    await rebalance(cluster);
    const host = worker(cluster, 1);
    await host.powerOff(signal);
    t.diagnostic(`power: tasks run elsewhere after ${await move(cluster, host)} ms`);
    assert.equal(await nodeState(cluster, host), "down");
    await host.powerOn(signal);
    await untilReady(cluster, host);
    await eventually("no twin is left", () => isWhole(cluster));
    const left = await host.docker(["ps", "--all", "--quiet", "--filter", "label=com.docker.swarm.task"], signal);
    t.diagnostic(`containers kept as history: ${left.split("\n").length - 1}`);
  });

  await t.test("the tasks of a host that loses the network run elsewhere, and stop there when it is back", async () => {
    await rebalance(cluster);
    const host = worker(cluster, 1);
    await host.disconnect(signal);
    t.diagnostic(`cable: tasks run elsewhere after ${await move(cluster, host)} ms`);
    assert.notDeepEqual(await containersOn(host), [], "what is cut off goes on");
    await host.reconnect(signal);
    await untilReady(cluster, host);
    await eventually("no twin is left", () => isWhole(cluster));
  });

  await t.test("a rolling update goes on after its manager was killed", async () => {
    await rebalance(cluster);
    const update = ["--image", "flotilla/demo:2", "--update-parallelism", "1", "--update-delay", "500ms"];
    await say(manager, "service", "update", "--quiet", "--detach", ...update, "web");
    const updated = async () => {
      const images = await say(
        manager,
        "service",
        "ps",
        "-f",
        "desired-state=running",
        "--format",
        "{{.Image}}",
        "web",
      );
      return images.split("\n").filter((image) => image === "flotilla/demo:2").length;
    };
    await eventually("the update is under way", async () => (await updated()) > 0);
    await manager.daemon.kill(signal);
    await restartDaemon(manager);
    const state = () => say(manager, "service", "inspect", "--format", "{{.UpdateStatus.State}}", "web");
    assert.notEqual(await state(), "completed");
    await eventually("the update completes", async () => (await state()) === "completed", 40_000);
    assert.equal(await updated(), REPLICAS);
    await eventually("no twin is left", () => isWhole(cluster));
  });

  await t.test("a daemon stops at SIGTERM with streams open, and its containers go on", async () => {
    const before = await containersOn(manager);
    const [id = ""] = before[0]?.split(" ") ?? [];
    const url = `unix://${manager.daemonSocket}`;
    const streams = [["events"], ["service", "logs", "-f", "web"], ["logs", "-f", id]].map((argv) =>
      spawn("docker", ["-H", url, ...argv], { stdio: "ignore" }),
    );
    await systemClock.sleep(500, signal);
    const startedAt = systemClock.now();
    manager.daemon.signal("SIGTERM");
    await eventually("the daemon ends", () => !manager.daemon.isRunning, 10_000);
    t.diagnostic(`stop with open streams: ${systemClock.now() - startedAt} ms`);
    assert.match(manager.daemon.logTail, /stopped/);
    await eventually("every client sees the end", () => streams.every((stream) => stream.exitCode !== null));
    assert.deepEqual(await containersOn(manager), before);
    t.diagnostic(`start: ${await restartDaemon(manager)} ms`);
    assert.equal((await docker(manager, "node", "ls")).code, 0);
  });
});
