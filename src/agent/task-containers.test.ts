import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { ManualClock } from "#base/manual-clock.ts";
import type { Engine } from "#engine/engine.ts";
import { createFakeEngine } from "#engine/fake-engine.ts";
import { bridgeNetwork } from "./bridge-network.ts";
import type { SetDefaultRoute } from "./default-route.ts";
import { TaskContainers } from "./task-containers.ts";
import { MemoryFiles } from "./testing/agent-bed.ts";
import { description, IMAGE, network, task } from "./testing/builders.ts";

const { signal } = new AbortController();

/** A node's containers, with a pull and a creation that last until the test ends them. */
function bed() {
  const fake = createFakeEngine({ clock: new ManualClock(), description });
  fake.addImage(IMAGE);
  const [pull, creation, creating] = [0, 1, 2].map(() => Promise.withResolvers<void>()) as [Gate, Gate, Gate];
  const wanted = new AbortController();
  const createContainer: Engine["createContainer"] = async (name, body, stop) => {
    creating.resolve();
    await creation.promise;
    stop.throwIfAborted();
    return fake.createContainer(name, body, stop);
  };
  const engine = new Proxy<Engine>(fake, {
    get: (target, key) => (key === "createContainer" ? createContainer : Reflect.get(target, key).bind(target)),
  });
  const containers = new TaskContainers({
    clock: new ManualClock(),
    engine,
    images: { ensure: () => pull.promise },
    files: new MemoryFiles(),
    payloads: { secret: () => undefined, config: () => undefined },
    networks: { network: () => undefined, engineId: (id) => id, ready: async () => undefined },
    setDefaultRoute: async () => undefined,
    node: () => ({ id: "n1", clusterId: "c1", description }),
  });
  const prepared = containers.prepare(task("t1"), wanted.signal, signal);
  return { fake, pull, creation, creating, wanted, prepared };
}

type Gate = PromiseWithResolvers<void>;

test("a task that is no longer wanted while its container is created still learns of it", async () => {
  const { fake, pull, creation, creating, wanted, prepared } = bed();
  pull.resolve();
  await creating.promise;
  wanted.abort(new Error("no longer wanted"));
  creation.resolve();
  assert.equal((await prepared).containerId, fake.containers[0]?.id);
});

test("a task that is no longer wanted after its pull gets no container", async () => {
  const { fake, pull, wanted, prepared } = bed();
  const gone = new Error("no longer wanted");
  wanted.abort(gone);
  pull.resolve();
  await assert.rejects(prepared, gone);
  assert.equal(fake.containers.length, 0);
});

const NETWORKS = [network("net1", { internal: true }), network("net2")];
const places = NETWORKS.map(({ id }, index) => ({ networkId: id, address: `10.0.${index + 1}.9` }));
const onBoth = task("t1", {}, { networks: places });

/** A container on two networks, the first of which leads nowhere; the engine would choose that one. */
async function routedBed(setDefaultRoute: SetDefaultRoute) {
  const engine = createFakeEngine({ clock: new ManualClock(), description });
  engine.addImage(IMAGE);
  for (const each of NETWORKS) await engine.createNetwork(bridgeNetwork(each, "c1"), signal);
  const containers = new TaskContainers({
    clock: new ManualClock(),
    engine,
    images: { ensure: async () => undefined },
    files: new MemoryFiles(),
    payloads: { secret: () => undefined, config: () => undefined },
    networks: {
      network: (id) => NETWORKS.find((each) => each.id === id),
      engineId: (id) => `net-${id}`,
      ready: async () => undefined,
    },
    setDefaultRoute,
    node: () => ({ id: "n1", clusterId: "c1", description }),
  });
  const { containerId } = await containers.prepare(onBoth, signal, signal);
  return { engine, containerId, started: containers.start({ task: onBoth, containerId }, signal) };
}

test("a container that runs without its default route has not started", async () => {
  const { started } = await routedBed(async () => {
    throw new FlotillaError("internal", "no such command");
  });
  await assert.rejects(started, { message: "no such command" });
});

test("a container that ended before its default route was set has started", async () => {
  const bed = Promise.withResolvers<Awaited<ReturnType<typeof routedBed>>>();
  const opened = await routedBed(async () => {
    const { engine, containerId } = await bed.promise;
    engine.exit(containerId, 0);
    throw new FlotillaError("internal", "there is no such process");
  });
  bed.resolve(opened);
  await opened.started;
});
