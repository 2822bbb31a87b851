import assert from "node:assert/strict";
import { test } from "node:test";
import { execute, type Finished } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { untilServing } from "#lab/serving.ts";
import { type Cluster, docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";

/** The command fails, and says why. */
async function refuses(host: LabHost, argv: readonly string[], why: RegExp): Promise<void> {
  const { code, stderr } = await docker(host, ...argv);
  assert.notEqual(code, 0, `docker ${argv.join(" ")} should have failed`);
  assert.match(stderr, why, `docker ${argv.join(" ")}`);
}

const joinToken = (manager: LabHost, role = "worker", ...argv: readonly string[]): Promise<string> =>
  say(manager, "swarm", "join-token", "--quiet", ...argv, role);

const join = ({ address }: LabHost, token: string): readonly string[] => {
  return ["swarm", "join", "--token", token, `${address}:2377`];
};

const localState = (host: LabHost): Promise<string> => say(host, "info", "--format", "{{.Swarm.LocalNodeState}}");

const unlock = (host: LabHost, key: string): Promise<Finished> =>
  execute({ argv: ["docker", "--host", `unix://${host.daemonSocket}`, "swarm", "unlock"], input: `${key}\n` }, signal);

async function restart(host: LabHost): Promise<void> {
  await host.daemon.restart(signal);
  await untilServing(host.daemon, host.daemonSocket, signal);
}

const nodes = async (manager: LabHost): Promise<readonly string[]> =>
  (await say(manager, "node", "ls", "--format", "{{.Hostname}} {{.Status}}")).split("\n").toSorted();

const ready = ({ lab }: Cluster): readonly string[] => lab.hosts.map(({ name }) => `${name} Ready`);

const NO_MANAGER = /This node is not a swarm manager\. Use "docker swarm init" or "docker swarm join"/;
const ONLY_WORKER = /This node is not a swarm manager\. Worker nodes can't be used to view or modify cluster state/;
const LOCKED = /Swarm is encrypted and needs to be unlocked before it can be used/;

const MANAGER_COMMANDS: readonly (readonly string[])[] = [
  ["node", "ls"],
  ["service", "ls"],
  ["service", "create", "busybox"],
  ["secret", "ls"],
  ["config", "ls"],
  ["swarm", "ca"],
  ["swarm", "join-token", "worker"],
  ["swarm", "unlock-key"],
  ["swarm", "update", "--task-history-limit", "2"],
];
const OVERLAY = ["network", "create", "--driver", "overlay", "net"];

test("a swarm is made, joined, locked and left", scene, async (t) => {
  await using cluster = await openCluster({ name: "member", hosts: 3, formed: false });
  const { manager, workers } = cluster;
  const [first, second] = workers;
  assert.ok(first && second);

  await t.test("outside of a swarm, its commands say what to do", async () => {
    for (const argv of MANAGER_COMMANDS) await refuses(manager, argv, NO_MANAGER);
    await refuses(manager, OVERLAY, NO_MANAGER);
    await refuses(manager, ["swarm", "leave"], /This node is not part of a swarm/);
    assert.equal(await localState(manager), "inactive");
  });

  await t.test("init refuses what cannot be, and leaves nothing of the attempt", async () => {
    const init = (...argv: readonly string[]) => ["swarm", "init", ...argv];
    await refuses(manager, init("--advertise-addr", "nosuch0"), /advertise address must be/);
    await refuses(manager, init("--data-path-port", "22"), /not in valid range/);
    await refuses(manager, init("--cert-expiry", "1m"), /minimum certificate expiry time is: 1h0m0s/);
    const [pool, size] = ["--default-addr-pool", "--default-addr-pool-mask-length"];
    await refuses(manager, init(pool, "10.1.0.0/16", size, "12"), /Subnet size is too small/);
    const elsewhere = ["--listen-addr", "10.77.0.99:2377", "--advertise-addr", manager.address];
    await refuses(manager, init(...elsewhere), /cannot listen on 10\.77\.0\.99:2377/);
    assert.equal(await localState(manager), "inactive");
  });

  await t.test("init and join make a swarm, once", async () => {
    assert.match(await say(manager, "swarm", "init"), /is now a manager/);
    await refuses(manager, ["swarm", "init"], /This node is already part of a swarm/);
    const token = await joinToken(manager);
    await refuses(first, join(manager, "SWMTKN-1-nonsense"), /invalid join token/);
    await refuses(first, join(manager, `${token.slice(0, -5)}aaaaa`), /A valid join token is necessary/);
    await refuses(first, ["swarm", "join", "--token", token, "10.77.0.1:1"], /cannot connect to the manager at/);
    for (const host of workers) assert.match(await say(host, ...join(manager, token)), /joined a swarm as a worker/);
    await refuses(first, join(manager, token), /This node is already part of a swarm/);
    assert.deepEqual(await nodes(manager), ready(cluster));
    for (const argv of MANAGER_COMMANDS) await refuses(first, argv, ONLY_WORKER);
    await refuses(first, OVERLAY, /Cannot create a multi-host network from a worker node/);
  });

  await t.test("a rotated token lets nobody in", async () => {
    const old = await joinToken(manager);
    const token = await joinToken(manager, "worker", "--rotate");
    assert.notEqual(token, old);
    assert.equal(await say(second, "swarm", "leave"), "Node left the swarm.");
    assert.equal(await localState(second), "inactive");
    await refuses(second, join(manager, old), /A valid join token is necessary/);
    await say(second, ...join(manager, token));
    const former = await eventually("the former node is down", async () => {
      const ids = await say(manager, "node", "ls", "--format", "{{.ID}} {{.Status}}");
      return /^(\S+) Down$/m.exec(ids)?.[1];
    });
    await say(manager, "node", "rm", former);
    assert.deepEqual(await nodes(manager), ready(cluster));
  });

  await t.test("a node that is removed is out at once, and can join again", async () => {
    await say(manager, "service", "create", "--quiet", "--name", "all", "--mode", "global", "flotilla/demo:1");
    await refuses(manager, ["node", "rm", second.name], /is not down and can't be removed/);
    await refuses(manager, ["node", "rm", "--force", manager.name], /is a cluster manager/);
    await refuses(manager, ["node", "demote", manager.name], /last manager/);
    await say(manager, "node", "rm", "--force", second.name);
    await eventually("the node knows", async () => (await localState(second)) === "error", 30_000);
    assert.match(await say(second, "info", "--format", "{{.Swarm.Error}}"), /was removed from the swarm/);
    await say(second, "swarm", "leave");
    assert.equal(await say(second, "ps", "--all", "--quiet"), "", "its containers are gone");
    await say(second, ...join(manager, await joinToken(manager)));
    await eventually("it works again", async () => (await say(second, "ps", "--quiet")) !== "");
  });

  await t.test("the root is rotated under running services", async () => {
    const [old, before] = [await joinToken(manager), await say(first, "ps", "--quiet")];
    const root = await say(manager, "swarm", "ca");
    await say(manager, "swarm", "ca", "--rotate", "--quiet");
    assert.notEqual(await say(manager, "swarm", "ca"), root);
    assert.equal(await say(first, "ps", "--quiet"), before);
    const tls = await say(manager, "node", "ls", "--format", "{{.TLSStatus}}");
    assert.deepEqual(new Set(tls.split("\n")), new Set(["Ready"]));
    await say(second, "swarm", "leave");
    await refuses(second, join(manager, old), /remote CA does not match fingerprint|token/);
    for (const host of [manager, first]) await restart(host);
    await say(second, ...join(manager, await joinToken(manager)));
    await eventually(
      "all are ready",
      async () => (await nodes(manager)).filter((n) => n.endsWith("Ready")).length === 3,
    );
  });

  await t.test("settings are changed, and bad ones refused", async () => {
    await say(manager, "swarm", "update", "--task-history-limit", "2", "--cert-expiry", "2h");
    await refuses(manager, ["swarm", "update", "--cert-expiry", "1m"], /minimum certificate expiry time/);
    await refuses(manager, ["swarm", "update", "--dispatcher-heartbeat", "-3s"], /cannot be a negative duration/);
    await say(manager, "swarm", "update", "--dispatcher-heartbeat", "1ms");
    await say(manager, "service", "create", "--quiet", "--name", "beaten", "--replicas", "3", "flotilla/demo:1");
    await say(manager, "service", "rm", "beaten");
    const spec = JSON.parse(await say(manager, "info", "--format", "{{json .Swarm.Cluster.Spec}}"));
    assert.equal(spec.Orchestration.TaskHistoryRetentionLimit, 2);
    assert.equal(spec.CAConfig.NodeCertExpiry, 2 * 3_600_000_000_000);
    assert.equal(spec.Dispatcher.HeartbeatPeriod, 1_000_000);
    await say(manager, "swarm", "update", "--dispatcher-heartbeat", "5s");
  });

  await t.test("a locked manager tells nothing until it has the key", async () => {
    assert.match(await say(manager, "swarm", "update", "--autolock"), /SWMKEY-1-/);
    const old = await say(manager, "swarm", "unlock-key", "--quiet");
    const key = await say(manager, "swarm", "unlock-key", "--quiet", "--rotate");
    const before = await manager.docker(["ps", "--quiet"], signal);
    await restart(manager);
    assert.equal(await localState(manager), "locked");
    for (const argv of MANAGER_COMMANDS) await refuses(manager, argv, LOCKED);
    await refuses(manager, ["swarm", "leave"], /Please unlock it first or use `--force`/);
    await refuses(manager, ["swarm", "init"], LOCKED);
    assert.match((await unlock(manager, "SWMKEY-1-nonsense")).stderr, /invalid/);
    assert.match((await unlock(manager, old)).stderr, /invalid key provided/);
    assert.equal(await manager.docker(["ps", "--quiet"], signal), before, "what runs goes on");
    assert.deepEqual(await unlock(manager, key), { code: 0, stdout: "", stderr: "" });
    assert.match((await unlock(manager, key)).stderr, /swarm is not locked/);
    await say(manager, "swarm", "update", "--autolock=false");
    await refuses(manager, ["swarm", "unlock-key"], /no unlock key is set/);
    await restart(manager);
    assert.equal(await localState(manager), "active");
  });

  await t.test("the last manager leaves only by force, and takes its containers along", async () => {
    await refuses(manager, ["swarm", "leave"], /Removing the last manager erases all current state/);
    await say(manager, "swarm", "leave", "--force");
    assert.equal(await localState(manager), "inactive");
    assert.equal(await say(manager, "ps", "--all", "--quiet"), "");
    await say(first, "swarm", "leave");
    await say(manager, "swarm", "init");
    await say(first, ...join(manager, await joinToken(manager)));
  });
});
