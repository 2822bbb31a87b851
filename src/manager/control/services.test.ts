import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aService, type Fixture, openFixture } from "#manager/testing/fixture.ts";
import type { Service } from "#model/objects.ts";
import type { PortConfig, ServiceSpec, TaskSpec } from "#model/spec.ts";
import { createServiceControl } from "./services.ts";

const SPEC: ServiceSpec = aService({ id: "web" }).spec;
const UPDATE = { registryAuthFrom: "spec", rollback: false } as const;

const withTask = (TaskTemplate: Partial<TaskSpec>): ServiceSpec => ({
  ...SPEC,
  TaskTemplate: { ...SPEC.TaskTemplate, ...TaskTemplate },
});
const withImage = (Image: string): ServiceSpec => withTask({ ContainerSpec: { Image } });
const withPort = (port: Partial<PortConfig>): ServiceSpec => ({
  ...SPEC,
  EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishMode: "host", ...port }] },
});

async function open() {
  const fixture = await openFixture();
  return { fixture, control: createServiceControl(fixture) };
}

function service({ state }: Fixture): Service {
  const found = state.view.byName("service", "web");
  assert.ok(found);
  return found;
}

describe("creating a service", () => {
  test("stores it as it was sent, with its ports and its credentials", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    const spec = withPort({ PublishedPort: 8080 });
    const created = await control.createService(spec, { registryAuth: "secret" }, fixture.signal);
    const stored = service(fixture);
    assert.deepEqual(created, { id: stored.id, warnings: [] });
    assert.deepEqual(stored.spec, spec);
    assert.deepEqual(stored.endpoint, { spec: spec.EndpointSpec, ports: spec.EndpointSpec?.Ports });
    assert.equal(stored.registryAuth, "secret");
    assert.ok(stored.specVersion < stored.version, "who has read it has seen its spec");
    assert.equal(stored.createdAt, fixture.clock.now());
    assert.equal(stored.jobStatus, undefined);
  });

  test("of a job begins its first run", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    await control.createService({ ...SPEC, Mode: { ReplicatedJob: {} } }, {}, fixture.signal);
    assert.deepEqual(service(fixture).jobStatus, { iteration: 0, lastExecution: fixture.clock.now() });
  });

  test("is refused when it asks for more tasks than a manager could plan", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    for (const Mode of [
      { Replicated: { Replicas: 1e12 } },
      { ReplicatedJob: { MaxConcurrent: 1e12, TotalCompletions: 1 } },
      { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1e12 } },
    ]) {
      await assert.rejects(control.createService({ ...SPEC, Mode }, {}, fixture.signal), {
        code: "invalid",
        message: /^1000000000000 tasks are more than one service may have/,
      });
    }
  });

  test("is refused when the name is taken", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    await control.createService(SPEC, {}, fixture.signal);
    await assert.rejects(control.createService({ ...SPEC, Name: "WEB" }, {}, fixture.signal), {
      code: "exists",
      message: "name conflicts with an existing object: service WEB already exists",
    });
  });

  const gone = { SecretID: "s9", SecretName: "gone", File: { Name: "f", UID: "0", GID: "0", Mode: 0o444 } };
  const lost = { ConfigID: "c9", ConfigName: "lost", File: { Name: "f", UID: "0", GID: "0", Mode: 0o444 } };
  for (const { name, spec, code, message } of [
    {
      name: "has no image",
      spec: withTask({ ContainerSpec: { Image: "" } }),
      code: "invalid",
      message: /image reference must be provided/,
    },
    {
      name: "has a template that is malformed",
      spec: withTask({ ContainerSpec: { Image: "demo:1", Hostname: "{{.Nothing}}" } }),
      code: "invalid",
      message: /expanding hostname/,
    },
    {
      name: "refers to a secret that does not exist",
      spec: withTask({ ContainerSpec: { Image: "demo:1", Secrets: [gone] } }),
      code: "invalid",
      message: /^secret not found: gone$/,
    },
    {
      name: "refers to configs that do not exist",
      spec: withTask({
        ContainerSpec: {
          Image: "demo:1",
          Configs: [lost, { ...lost, ConfigName: "too", File: { ...lost.File, Name: "g" } }],
        },
      }),
      code: "invalid",
      message: /^configs not found: lost, too$/,
    },
  ]) {
    test(`is refused when it ${name}`, async () => {
      const { fixture, control } = await open();
      await using _ = fixture;
      await assert.rejects(control.createService(spec, {}, fixture.signal), { code, message });
      assert.equal(fixture.state.view.count("service"), 0);
    });
  }
});

describe("updating a service", () => {
  test("keeps what was in force as the previous spec, and forgets the last update's status", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    await fixture.seed(aService({ id: "web", updateStatus: { state: "completed", message: "" }, registryAuth: "old" }));
    const { version, specVersion } = service(fixture);
    await fixture.clock.advance(5);
    await control.updateService(
      "web",
      version,
      withImage("demo:2"),
      { ...UPDATE, registryAuth: "new" },
      fixture.signal,
    );
    const after = service(fixture);
    assert.equal(after.spec.TaskTemplate.ContainerSpec?.Image, "demo:2");
    assert.deepEqual([after.previousSpec, after.previousSpecVersion], [SPEC, specVersion]);
    assert.equal(after.specVersion, version);
    assert.equal(after.updateStatus, undefined);
    assert.deepEqual([after.registryAuth, after.previousRegistryAuth], ["new", "old"]);
    assert.equal(after.updatedAt, fixture.clock.now());
  });

  test("without credentials keeps the stored ones, of the spec or of the previous one", async () => {
    for (const { registryAuthFrom, want } of [
      { registryAuthFrom: "spec", want: "present" },
      { registryAuthFrom: "previous-spec", want: "past" },
    ] as const) {
      const { fixture, control } = await open();
      await using _ = fixture;
      await fixture.seed(aService({ id: "web", registryAuth: "present", previousRegistryAuth: "past" }));
      const { version } = service(fixture);
      await control.updateService("web", version, SPEC, { rollback: false, registryAuthFrom }, fixture.signal);
      assert.equal(service(fixture).registryAuth, want);
    }
  });

  test("runs a job again", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    const spec: ServiceSpec = { ...SPEC, Mode: { ReplicatedJob: {} } };
    await control.createService(spec, {}, fixture.signal);
    const { id, version } = service(fixture);
    await fixture.clock.advance(5);
    await control.updateService(id, version, spec, UPDATE, fixture.signal);
    assert.deepEqual(service(fixture).jobStatus, { iteration: 1, lastExecution: fixture.clock.now() });
  });

  for (const { name, spec, version, code, message } of [
    { name: "from an older version", spec: SPEC, version: 0, code: "sequence", message: "update out of sequence" },
    {
      name: "to another name",
      spec: { ...SPEC, Name: "other" },
      code: "unimplemented",
      message: "renaming services is not supported",
    },
    {
      name: "to another mode",
      spec: { ...SPEC, Mode: { Global: {} } },
      code: "unimplemented",
      message: "service mode change is not allowed",
    },
    {
      name: "of networks in the place where Docker had them first",
      spec: { ...SPEC, Networks: [{ Target: "host" }] },
      code: "unimplemented",
      message: "networks must be migrated to TaskSpec before being changed",
    },
  ]) {
    test(`is refused ${name}`, async () => {
      const { fixture, control } = await open();
      await using _ = fixture;
      await fixture.seed(aService({ id: "web" }));
      const from = version ?? service(fixture).version;
      await assert.rejects(control.updateService("web", from, spec, UPDATE, fixture.signal), { code, message });
    });
  }

  test("is refused to a client that has not seen the spec in force, and to no other", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    await control.createService(SPEC, {}, fixture.signal);
    const { id, version: read } = service(fixture);
    const updating = { ...service(fixture), updateStatus: { state: "updating", message: "" } } as const;
    await fixture.state.commit([{ type: "update", object: updating, expect: read }], fixture.signal);
    const from = (version: number) => control.updateService(id, version, withImage("demo:2"), UPDATE, fixture.signal);
    await assert.rejects(from(read - 1), { code: "sequence" }, "there was another service of that name, perhaps");
    await from(read);
    assert.equal(service(fixture).spec.TaskTemplate.ContainerSpec?.Image, "demo:2");
    for (const stale of [read, updating.version + 1, service(fixture).version + 1]) {
      await assert.rejects(from(stale), { code: "sequence" });
    }
  });

  test("is refused when it does not exist", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    const want = { code: "not_found", message: "service web not found" };
    await assert.rejects(control.updateService("web", 1, SPEC, UPDATE, fixture.signal), want);
    await assert.rejects(control.removeService("web", fixture.signal), want);
  });
});

describe("rolling a service back", () => {
  const BACK = { registryAuthFrom: "spec", rollback: true } as const;

  test("exchanges its specs, whatever spec the request has", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    await fixture.seed(aService({ id: "web", registryAuth: "first" }));
    await control.updateService(
      "web",
      service(fixture).version,
      withImage("demo:2"),
      { ...UPDATE, registryAuth: "second" },
      fixture.signal,
    );
    const { version, specVersion } = service(fixture);
    await control.updateService("web", version, withImage("demo:3"), BACK, fixture.signal);
    const after = service(fixture);
    assert.equal(after.spec.TaskTemplate.ContainerSpec?.Image, "demo:1");
    assert.equal(after.previousSpec?.TaskTemplate.ContainerSpec?.Image, "demo:2");
    assert.ok(after.specVersion > specVersion, "tasks of the first spec are told from those of the second");
    assert.equal(after.updateStatus?.state, "rollback_started");
    assert.deepEqual([after.registryAuth, after.previousRegistryAuth], ["first", "second"]);
  });

  test("needs a previous spec", async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    await fixture.seed(aService({ id: "web" }));
    await assert.rejects(control.updateService("web", service(fixture).version, SPEC, BACK, fixture.signal), {
      code: "precondition",
      message: "service web does not have a previous spec",
    });
  });
});

test("a removed service is gone", async () => {
  const { fixture, control } = await open();
  await using _ = fixture;
  await fixture.seed(aService({ id: "web" }));
  await control.removeService("web", fixture.signal);
  assert.equal(fixture.state.view.get("service", "web"), undefined);
});
