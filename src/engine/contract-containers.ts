import assert from "node:assert/strict";
import { test } from "node:test";
import { FlotillaError } from "#base/errors.ts";
import { type Subject, seen } from "./contract-subject.ts";

/** Images, and the life of a container. */
export function containerContract(subject: Subject): void {
  const { signal } = new AbortController();

  test("describes its node", async () => {
    const { Hostname, Platform, Resources, Engine } = await subject.engine.describe(signal);
    assert.notEqual(Hostname, "");
    assert.equal(Platform.OS, "linux");
    assert.ok(Resources.NanoCPUs >= 1_000_000_000 && Resources.MemoryBytes > 0);
    assert.notEqual(Engine.EngineVersion, "");
    assert.ok(Engine.Plugins.some(({ Type, Name }) => Type === "Network" && Name === "overlay"));
  });

  test("knows its images by name and by id", async () => {
    const found = await subject.engine.inspectImage(subject.opened.image, signal);
    assert.match(found?.id ?? "", /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(await subject.engine.inspectImage(found?.id ?? "", signal), found);
    assert.equal(await subject.engine.inspectImage("no/such-image:1", signal), undefined);
  });

  test("does not pull what no registry has", async () => {
    await assert.rejects(subject.engine.pullImage("localhost:1/no/such-image:1", undefined, signal), FlotillaError);
  });

  test("creates a container, and finds it by id, name and labels", async () => {
    const { id, name: containerName, labels } = await subject.create("sleeper");
    const byId = await subject.inspect(id);
    assert.equal(byId.state, "created");
    assert.equal(byId.name, containerName);
    assert.deepEqual({ ...byId.labels, ...labels }, byId.labels);
    assert.equal((await subject.inspect(containerName)).id, id);
    const { networks } = byId;
    const listed = await subject.engine.listContainers(labels, signal);
    assert.deepEqual(listed, [{ id, name: containerName, labels: byId.labels, state: "created", networks }]);
    assert.deepEqual(await subject.engine.listContainers({ ...labels, "contract.empty": "x" }, signal), []);
  });

  test("tells what a container has for itself", async () => {
    const HostConfig = { NanoCpus: 500_000_000, Memory: 64 * 2 ** 20 };
    const { id } = await subject.create("sleeper", { HostConfig });
    assert.deepEqual((await subject.inspect(id)).reserved, { nanoCpus: 500_000_000, memoryBytes: 64 * 2 ** 20 });
    const { id: other } = await subject.create("sleeper");
    assert.equal((await subject.inspect(other)).reserved, undefined);
  });

  test("refuses a name twice, and an image it does not have", async () => {
    const { name: taken } = await subject.create("sleeper");
    const body = { ...subject.opened.program("sleeper"), Labels: {} };
    await assert.rejects(subject.engine.createContainer(taken, body, signal), { code: "exists" });
    const missing = { ...body, Image: "no/such-image:1" };
    await assert.rejects(subject.engine.createContainer("contract-missing", missing, signal), { code: "not_found" });
  });

  test("starts a container; twice is no error", async () => {
    const { id } = await subject.start("sleeper");
    await subject.engine.startContainer(id, signal);
    const { state, pid, startedAt, exitCode } = await subject.inspect(id);
    assert.equal(state, "running");
    assert.ok(pid > 0);
    assert.equal(exitCode, 0);
    assert.ok(Date.parse(startedAt) > 0);
  });

  test("stops a container; twice is no error", async () => {
    const { id } = await subject.start("sleeper");
    await subject.engine.stopContainer(id, 30_000, signal);
    const { state, pid, exitCode } = await subject.inspect(id);
    assert.deepEqual({ state, pid, exitCode }, { state: "exited", pid: 0, exitCode: 0 });
    await subject.engine.stopContainer(id, 30_000, signal);
  });

  test("kills what does not stop in time", async () => {
    const { id } = await subject.start("stubborn");
    await subject.engine.stopContainer(id, 1_000, signal);
    assert.equal((await subject.inspect(id)).exitCode, 137);
  });

  test("tells how a container ended, and can start it again", async () => {
    const { id, events } = await subject.startAndEnd("failing");
    const { state, exitCode, oomKilled, finishedAt } = await subject.inspect(id);
    assert.deepEqual({ state, exitCode, oomKilled }, { state: "exited", exitCode: 3, oomKilled: false });
    assert.ok(Date.parse(finishedAt) > 0);
    await subject.engine.startContainer(id, signal);
    await seen(events, "die");
  });

  test("removes a container, running or not, with its anonymous volumes; twice is no error", async () => {
    const { id, labels } = await subject.start("sleeper");
    const before = await subject.create("sleeper");
    for (const each of [id, before.id, id]) await subject.engine.removeContainer(each, signal);
    assert.equal(await subject.engine.inspectContainer(id, signal), undefined);
    assert.deepEqual(await subject.engine.listContainers(labels, signal), []);
  });

  test("knows no container that does not exist", async () => {
    assert.equal(await subject.engine.inspectContainer("no-such-container", signal), undefined);
    await assert.rejects(subject.engine.startContainer("no-such-container", signal), { code: "not_found" });
    await assert.rejects(subject.engine.stopContainer("no-such-container", 1_000, signal), { code: "not_found" });
    await assert.rejects(subject.readLogs("no-such-container"), { code: "not_found" });
    await subject.engine.removeContainer("no-such-container", signal);
  });

  test("creates a volume; twice is no error", async () => {
    const volume = { Name: "contract-volume", Labels: { a: "b" } };
    await subject.engine.createVolume(volume, signal);
    await subject.engine.createVolume(volume, signal);
  });
}
