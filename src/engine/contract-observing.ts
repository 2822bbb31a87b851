import assert from "node:assert/strict";
import { test } from "node:test";
import { type Subject, seen } from "./contract-subject.ts";

/** What can be seen of containers from outside. */
export function observingContract(subject: Subject): void {
  const { signal } = new AbortController();

  test("tells what happens to containers with the given labels only, in order", async () => {
    const other = await subject.start("sleeper");
    const { id, labels, events } = await subject.start("sleeper");
    await subject.engine.stopContainer(other.id, 30_000, signal);
    await subject.engine.stopContainer(id, 30_000, signal);
    await subject.engine.removeContainer(id, signal);
    const all = await seen(events, "destroy");
    assert.ok(all.every(({ containerId }) => containerId === id));
    assert.ok(all.every((event) => event.labels["contract.number"] === labels["contract.number"]));
    const turns = all.map(({ action }) => action).filter((action) => /^(start|die|destroy)$/.test(action));
    assert.deepEqual(turns, ["start", "die", "destroy"]);
  });

  test("reports health", async () => {
    const [well, ill] = await Promise.all([subject.start("healthy"), subject.start("unhealthy")]);
    await Promise.all([seen(well.events, "health_status: healthy"), seen(ill.events, "health_status: unhealthy")]);
    assert.equal((await subject.inspect(well.id)).health, "healthy");
    const { state, health, healthLog } = await subject.inspect(ill.id);
    assert.deepEqual({ state, health, healthLog }, { state: "running", health: "unhealthy", healthLog: "sick\n" });
  });

  test("publishes ports on the host, of the caller's or of its own choice", async () => {
    const bindings = (HostPort: string) => ({
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { PortBindings: { "80/tcp": [{ HostPort }] } },
    });
    const [fixed, free] = [
      await subject.start("sleeper", bindings("18080")),
      await subject.start("sleeper", bindings("")),
    ];
    assert.deepEqual((await subject.inspect(fixed.id)).ports, [{ protocol: "tcp", target: 80, published: 18_080 }]);
    const [port] = (await subject.inspect(free.id)).ports;
    assert.ok(port && port.published > 1_024);
    const rival = await subject.create("sleeper", bindings("18080"));
    await assert.rejects(subject.engine.startContainer(rival.id, signal), /18080.*port is already allocated/);
    await subject.engine.stopContainer(fixed.id, 30_000, signal);
    assert.deepEqual((await subject.inspect(fixed.id)).ports, []);
  });
}
