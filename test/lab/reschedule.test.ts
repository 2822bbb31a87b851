import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabHost } from "#lab/host.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { formManagers, leaderOf, untilNodes } from "./managers.ts";

const SLEEPER = ["--entrypoint", "sleep", "busybox", "1000"] as const;
const MOVES = "reschedule:on-node-failure";
const MOVES_TOO = 'com.docker.swarm.reschedule-policies=["on-node-failure"]';

const run = (on: LabHost, ...options: readonly string[]): Promise<string> =>
  say(on, "run", "--detach", ...options, ...SLEEPER);

const look = (on: LabHost, container: string, format: string): Promise<string> =>
  say(on, "inspect", "--format", format, container);

const hostOf = (on: LabHost, container: string): Promise<string> => look(on, container, "{{.Node.Name}}");

/** What the cluster lists: `name status`, where the status is its first word. */
const listed = async (on: LabHost, ...filters: readonly string[]): Promise<readonly string[]> =>
  (await say(on, "ps", "--all", "--format", "{{.Names}} {{.Status}}", ...filters))
    .split("\n")
    .map((line) => line.split(" ").slice(0, 2).join(" "))
    .toSorted();

/** The containers of a host's engine by name, running or not. */
const onEngine = async (host: LabHost, name: string): Promise<readonly string[]> =>
  (await host.docker(["ps", "--all", "--quiet", "--no-trunc", "--filter", `name=^/${name}$`], signal))
    .split("\n")
    .filter((id) => id !== "");

const isReached = async (on: LabHost, from: string, name: string): Promise<boolean> =>
  (await docker(on, "exec", from, "ping", "-c", "1", "-w", "2", name)).code === 0;

test("containers of a lost host move, if they may", { ...scene, timeout: 300_000 }, async (t) => {
  await using cluster = await openCluster({ name: "resched", hosts: 4, formed: false });
  const [h1, h2, h3, worker] = cluster.lab.hosts;
  assert.ok(h1 && h2 && h3 && worker);
  const managers = [h1, h2, h3];
  await formManagers(managers, [worker]);
  await say(h1, "network", "create", "--driver", "overlay", "--attachable", "--subnet", "10.99.0.0/24", "wide");
  await eventually("all hosts take containers", async () => {
    for (const { name } of cluster.lab.hosts) {
      await say(h1, "run", "--rm", "-e", `constraint:node==${name}`, "--entrypoint", "true", "busybox");
    }
    return true;
  });

  await t.test("with their names, labels and networks", async () => {
    const there = ["-e", "constraint:node==~h4", "--network", "wide"];
    await run(h1, "--name", "front", "--network", "wide", "-e", "constraint:node==h1");
    const old = await run(h1, "--name", "db", "-e", MOVES, ...there, "--label", "a=1", "--publish", "5432:5432");
    await run(h1, "--name", "cache", "--label", MOVES_TOO, ...there, "--ip", "10.99.0.77", "--hostname", "store");
    await run(h1, "--name", "idle", "-e", MOVES, ...there);
    await run(h1, "--name", "stays", ...there);
    await run(h1, "--name", "bound", "-e", MOVES, "-e", "constraint:node==h4");
    await say(h1, "stop", "--time", "0", "idle");
    for (const name of ["db", "cache", "idle", "stays"]) assert.equal(await hostOf(h1, name), "h4", name);
    const swarmId = await look(h1, "db", '{{index .Config.Labels "com.docker.swarm.id"}}');
    assert.match(swarmId, /^[0-9a-f]{64}$/);
    const startedAt = Date.now();
    await worker.powerOff(signal);
    await eventually("they are on other hosts", async () => {
      const hosts = await Promise.all(["db", "cache", "idle"].map((name) => hostOf(h2, name)));
      return !hosts.includes("h4") && (await look(h2, "db", "{{.State.Running}}")) === "true";
    });
    t.diagnostic(`moved after ${Date.now() - startedAt} ms`);
    await eventually(
      "front reaches them",
      async () => (await isReached(h1, "front", "db")) && isReached(h1, "front", "cache"),
    );
    assert.equal(await look(h1, "db", '{{index .Config.Labels "a"}}'), "1");
    assert.equal(await look(h1, swarmId, "{{.Name}}"), "/db", "known by the id that it keeps");
    assert.equal(
      await look(h1, "cache", "{{.Config.Hostname}} {{.NetworkSettings.Networks.wide.IPAddress}}"),
      "store 10.99.0.77",
    );
    assert.notEqual(await look(h1, "db", "{{.Id}}"), old);
    assert.match(await say(h1, "port", "db"), /:5432$/m);
    assert.equal(await look(h1, "idle", "{{.State.Status}}"), "created");
    const down = await listed(h2, "--filter", "name=stays", "--filter", "name=bound");
    assert.deepEqual(down, ["bound Host", "stays Host"]);
    const { stderr } = await docker(h2, "run", "--name", "bound", ...SLEEPER);
    assert.match(stderr, /is already in use/);
  });

  await t.test("and are removed where they were", async () => {
    await worker.powerOn(signal);
    await untilNodes(h1, ["h1 Ready Leader", "h2 Ready Reachable", "h3 Ready Reachable", "h4 Ready"]);
    await eventually("the host has nothing of them", async () => {
      const left = await Promise.all(["db", "cache", "idle"].map((name) => onEngine(worker, name)));
      return left.flat().length === 0;
    });
    await eventually("what was not moved is there again", async () => (await hostOf(h3, "stays")) === "h4");
    assert.deepEqual(
      (await listed(h3, "--filter", "name=db")).map((line) => line.split(" ")[0]),
      ["db"],
    );
    assert.ok(await isReached(h1, "front", "db"));
  });

  await t.test("when their host was only cut off", async () => {
    await run(h1, "--name", "cutoff", "-e", MOVES, "-e", "constraint:node==~h4", "--network", "wide");
    assert.equal(await hostOf(h1, "cutoff"), "h4");
    const [old = ""] = await onEngine(worker, "cutoff");
    await worker.disconnect(signal);
    await eventually("it runs elsewhere", async () => (await hostOf(h2, "cutoff")) !== "h4");
    assert.deepEqual(await onEngine(worker, "cutoff"), [old], "it still runs where nobody reaches it");
    await worker.reconnect(signal);
    await eventually("the old one is gone", async () => (await onEngine(worker, "cutoff")).length === 0);
    await eventually("front reaches the new one", async () => isReached(h1, "front", "cutoff"));
    await say(h3, "rm", "--force", "cutoff");
    assert.deepEqual(await listed(h1, "--filter", "name=cutoff"), [""]);
  });

  await t.test("and when it was the leader's", async () => {
    const leader = await leaderOf(managers, h1);
    const [asked] = managers.filter((host) => host !== leader);
    assert.ok(asked);
    await run(asked, "--name", "led", "-e", MOVES, "-e", `constraint:node==~${leader.name}`);
    assert.equal(await hostOf(asked, "led"), leader.name);
    const startedAt = Date.now();
    await leader.powerOff(signal);
    await eventually("it runs elsewhere", async () => (await look(asked, "led", "{{.State.Running}}")) === "true");
    t.diagnostic(`moved after ${Date.now() - startedAt} ms`);
    assert.notEqual(await hostOf(asked, "led"), leader.name);
    await leader.powerOn(signal);
    await eventually("the old one is gone", async () => (await onEngine(leader, "led")).length === 0);
    assert.equal((await listed(asked, "--filter", "name=led")).length, 1);
  });
});
