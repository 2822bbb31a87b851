import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/manual-clock.ts";
import type { Engine } from "#engine/engine.ts";
import { createFakeEngine } from "#engine/fake-engine.ts";
import { TaskContainers } from "./task-containers.ts";
import { MemoryFiles } from "./testing/agent-bed.ts";
import { description, IMAGE, task } from "./testing/builders.ts";

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
    engine,
    images: { ensure: () => pull.promise },
    files: new MemoryFiles(),
    payloads: { secret: () => undefined, config: () => undefined },
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
