import assert from "node:assert/strict";
import { test } from "node:test";
import { untilServing } from "#lab/serving.ts";
import { type Cluster, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import {
  containerCount,
  create,
  labelZones,
  perNode,
  refusal,
  runningRows,
  SLEEPER,
  type TaskRow,
  taskRows,
  untilError,
  untilRunning,
} from "./task-rows.ts";

/** Each: what a service asks for, on how many nodes it runs nevertheless, and why no more. */
const UNPLACEABLE: readonly {
  name: string;
  replicas: number;
  options: readonly string[];
  runs: string;
  why: string;
}[] = [
  {
    name: "memory",
    replicas: 1,
    options: ["--reserve-memory", "900g"],
    runs: "",
    why: "no suitable node (insufficient resources on 3 nodes)",
  },
  {
    name: "zone",
    replicas: 1,
    options: ["--constraint", "node.labels.zone==nowhere"],
    runs: "",
    why: "no suitable node (scheduling constraints not satisfied on 3 nodes)",
  },
  {
    name: "gpu",
    replicas: 3,
    options: ["--generic-resource", "gpu=1"],
    runs: "h2: 2",
    why: "no suitable node (insufficient resources on 3 nodes)",
  },
  {
    name: "port",
    replicas: 4,
    options: ["--publish", "mode=host,published=8085,target=80"],
    runs: "h1: 1, h2: 1, h3: 1",
    why: "no suitable node (host-mode port already in use on 3 nodes)",
  },
  {
    name: "single",
    replicas: 4,
    options: ["--replicas-max-per-node", "1"],
    runs: "h1: 1, h2: 1, h3: 1",
    why: "no suitable node (max replicas per node limit exceed)",
  },
];

test("tasks go where they may, and those that cannot say why", scene, async (t) => {
  await using cluster = await openCluster({ name: "plc", hosts: 3 });
  const { manager } = cluster;
  await labelZones(cluster);
  await giveGpus(cluster, "h2", 2);

  for (const { name, replicas, options, runs, why } of UNPLACEABLE) {
    await t.test(`${name}: pending, with the reason`, async () => {
      await create(manager, name, "--replicas", String(replicas), ...options, ...SLEEPER);
      const waiting = await untilError(manager, name, why);
      assert.match(waiting.CurrentState, /^Pending/);
      assert.equal(waiting.Node, "");
      const placed = await eventually(`the others of ${name} run`, async () => {
        const rows = await runningRows(manager, name);
        return rows.length === replicas - 1 && rows;
      });
      assert.equal(perNode(placed), runs);
    });
  }

  await t.test("a pending task starts as soon as a node fits", async () => {
    await say(manager, "node", "update", "--label-add", "zone=nowhere", "h2");
    assert.equal(perNode(await untilRunning(manager, "zone", 1)), "h2: 1");
    await say(manager, "node", "update", "--label-add", "zone=b", "h2");
    await untilError(manager, "zone", "assigned node no longer meets constraints");
    await untilError(manager, "zone", "scheduling constraints not satisfied on 3 nodes");
    await say(manager, "service", "scale", "--detach", "port=3");
    await untilRunning(manager, "port", 3);
    await say(manager, "service", "rm", ...UNPLACEABLE.map(({ name }) => name));
  });

  await t.test("a preference spreads over zones before nodes", async () => {
    await create(manager, "spread", "--replicas", "4", "--placement-pref", "spread=node.labels.zone", ...SLEEPER);
    assert.equal(perNode(await untilRunning(manager, "spread", 4)), "h1: 1, h2: 2, h3: 1");
    await say(manager, "service", "rm", "spread");
  });

  await t.test("a global service runs once on every node that may have it", async () => {
    await create(manager, "agent", "--mode", "global", "--constraint", "node.labels.zone==a", ...SLEEPER);
    assert.equal(perNode(await untilRunning(manager, "agent", 2)), "h1: 1, h3: 1");
    await say(manager, "service", "update", "--detach", "--constraint-rm", "node.labels.zone==a", "agent");
    assert.equal(perNode(await untilRunning(manager, "agent", 3)), "h1: 1, h2: 1, h3: 1");
    assert.equal(await say(manager, "service", "ls", "--format", "{{.Mode}} {{.Replicas}}"), "global 3/3");
  });

  await t.test("pause keeps what runs and takes nothing new; drain empties; active takes again", async () => {
    await create(manager, "web", "--replicas", "3", "flotilla/demo:1");
    await untilRunning(manager, "web", 3);
    await say(manager, "node", "update", "--availability", "pause", "h2");
    await say(manager, "service", "scale", "--detach", "web=6");
    const paused = await untilRunning(manager, "web", 6);
    assert.equal(paused.filter((row) => row.Node === "h2").length, 1);

    await say(manager, "node", "update", "--availability", "drain", "h2");
    const drained = await eventually("the tasks of h2 run elsewhere", () => whole(cluster, "web", 6, "h2"));
    assert.equal(perNode(drained), "h1: 3, h3: 3");
    assert.equal(perNode(await untilRunning(manager, "agent", 2)), "h1: 1, h3: 1");

    await say(manager, "node", "update", "--availability", "active", "h2");
    assert.equal(perNode(await untilRunning(manager, "agent", 3)), "h1: 1, h2: 1, h3: 1");
    assert.equal(perNode(await runningRows(manager, "web")), "h1: 3, h3: 3", "what runs stays where it is");
  });

  await t.test("what nobody may do to a node is refused", async () => {
    assert.match(await refusal(manager, "node", "rm", "h2"), /is not down and can't be removed/);
    assert.match(
      await refusal(manager, "node", "rm", "--force", "h1"),
      /is a cluster manager and is a member of the raft/,
    );
    assert.match(await refusal(manager, "node", "demote", "h1"), /attempting to demote the last manager of the swarm/);
    assert.match(
      await refusal(manager, "node", "update", "--availability", "off", "h2"),
      /invalid Availability: "off"/,
    );
    assert.match(await refusal(manager, "node", "rm", "nope"), /node nope not found/);
  });

  await t.test("a node that is removed loses its tasks, and comes back as another", async () => {
    const h3 = cluster.lab.host("h3");
    const id = await say(manager, "node", "inspect", "--format", "{{.ID}}", "h3");
    await say(manager, "node", "rm", "--force", "h3");
    await eventually("its tasks run elsewhere", () => whole(cluster, "web", 6, "h3"));
    const orphans = (await taskRows(manager, "web")).filter((row) => row.CurrentState.startsWith("Orphaned"));
    assert.deepEqual(new Set(orphans.map((row) => row.Node)), new Set([id]));
    await eventually("h3 knows", async () =>
      (await say(h3, "info", "--format", "{{.Swarm.Error}}")).includes("was removed"),
    );

    await say(h3, "swarm", "leave");
    assert.equal(await say(h3, "ps", "--all", "--quiet"), "", "its containers are gone");
    const token = await say(manager, "swarm", "join-token", "--quiet", "worker");
    await say(h3, "swarm", "join", "--token", token, `${manager.address}:2377`);
    assert.notEqual(await say(manager, "node", "inspect", "--format", "{{.ID}}", "h3"), id);
    assert.equal(perNode(await untilRunning(manager, "agent", 3)), "h1: 1, h2: 1, h3: 1");
    await say(manager, "service", "rm", "web", "agent");
    await eventually("nothing is left", async () => (await containerCount(cluster, "web")) === 0);
  });
});

/** The running tasks of the service, once there are so many, and none of them on the host. */
async function whole(
  { manager }: Cluster,
  service: string,
  count: number,
  without: string,
): Promise<TaskRow[] | false> {
  const rows = await runningRows(manager, service);
  return rows.length === count && rows.every((row) => row.Node !== without) && rows;
}

async function giveGpus({ lab, manager }: Cluster, name: string, count: number): Promise<void> {
  const host = lab.host(name);
  await host.daemon.kill(signal);
  await host.startDaemon(["-l", "debug", "--node-generic-resource", `gpu=${count}`], signal);
  await untilServing(host.daemon, host.daemonSocket, signal);
  const format = "{{json .Description.Resources.GenericResources}}";
  await eventually("the manager knows", async () =>
    (await say(manager, "node", "inspect", "--format", format, name)).includes(`"Value":${count}`),
  );
}
