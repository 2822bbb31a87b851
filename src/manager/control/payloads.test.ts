import assert from "node:assert/strict";
import { test } from "node:test";
import { aService, openFixture } from "#manager/testing/fixture.ts";
import type { ConfigSpec, SecretSpec } from "#model/spec.ts";
import { createPayloadControl } from "./payloads.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const SECRET: SecretSpec = { Name: "pw", Labels: {}, Data: base64("hush") };
const CONFIG: ConfigSpec = { Name: "conf", Labels: {}, Data: base64("x=1") };
const IN_USE = "secret 'pw' is in use by the following";

async function open() {
  const fixture = await openFixture();
  return { fixture, control: createPayloadControl(fixture) };
}

test("secrets and configs are made, relabelled and removed", async () => {
  const { fixture, control } = await open();
  await using _ = fixture;
  const { view } = fixture.state;
  const secret = await control.createSecret(SECRET, fixture.signal);
  const config = await control.createConfig(CONFIG, fixture.signal);
  assert.deepEqual([view.get("secret", secret)?.spec, view.get("config", config)?.spec], [SECRET, CONFIG]);
  const { Data: _data, ...withoutData } = SECRET;
  const version = view.get("secret", secret)?.version ?? 0;
  await control.updateSecret(secret, version, { ...withoutData, Labels: { a: "b" } }, fixture.signal);
  assert.deepEqual(view.get("secret", secret)?.spec, { ...SECRET, Labels: { a: "b" } });
  await control.updateConfig(config, view.get("config", config)?.version ?? 0, CONFIG, fixture.signal);
  await control.removeSecret(secret, fixture.signal);
  await control.removeConfig(config, fixture.signal);
  assert.deepEqual([view.count("secret"), view.count("config")], [0, 0]);
});

const SIZE = (kind: string, limit: number) => `${kind} data must be larger than 0 and less than ${limit} bytes`;

for (const { name, spec, code, message } of [
  { name: "no name", spec: { ...SECRET, Name: "" }, code: "invalid", message: "name must be provided" },
  {
    name: "a bad name",
    spec: { ...SECRET, Name: "-pw" },
    code: "invalid",
    message:
      "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]",
  },
  { name: "no data", spec: { ...SECRET, Data: "" }, code: "invalid", message: SIZE("secret", 512_000) },
  {
    name: "too much data",
    spec: { ...SECRET, Data: base64("x".repeat(512_000)) },
    code: "invalid",
    message: SIZE("secret", 512_000),
  },
  {
    name: "a driver",
    spec: { ...SECRET, Driver: { Name: "vault" } },
    code: "unimplemented",
    message: "secret driver vault: secret drivers are not supported",
  },
  {
    name: "a driver without a name",
    spec: { ...SECRET, Driver: { Name: "" } },
    code: "invalid",
    message: "secret driver must have a name",
  },
]) {
  test(`a secret with ${name} is refused`, async () => {
    const { fixture, control } = await open();
    await using _ = fixture;
    await assert.rejects(control.createSecret(spec, fixture.signal), { code, message });
  });
}

test("payloads may be as large as one byte below their limit", async () => {
  const { fixture, control } = await open();
  await using _ = fixture;
  await control.createSecret({ ...SECRET, Data: base64("x".repeat(511_999)) }, fixture.signal);
  await control.createConfig({ ...CONFIG, Data: base64("x".repeat(1_023_999)) }, fixture.signal);
  const tooLarge = { ...CONFIG, Name: "large", Data: base64("x".repeat(1_024_000)) };
  await assert.rejects(control.createConfig(tooLarge, fixture.signal), { message: SIZE("config", 1_024_000) });
});

test("only labels change, and only from the present version", async () => {
  const { fixture, control } = await open();
  await using _ = fixture;
  const id = await control.createSecret(SECRET, fixture.signal);
  const version = fixture.state.view.get("secret", id)?.version ?? 0;
  const onlyLabels = { code: "invalid", message: "only updates to Labels are allowed" };
  for (const spec of [
    { ...SECRET, Name: "other" },
    { ...SECRET, Data: base64("other") },
    { ...SECRET, Templating: { Name: "golang" } },
  ]) {
    await assert.rejects(control.updateSecret(id, version, spec, fixture.signal), onlyLabels);
  }
  await assert.rejects(control.updateSecret(id, 0, SECRET, fixture.signal), { message: "update out of sequence" });
  await assert.rejects(control.updateSecret("none", 1, SECRET, fixture.signal), { message: "secret none not found" });
});

test("a name is taken in any case of letters", async () => {
  const { fixture, control } = await open();
  await using _ = fixture;
  await control.createSecret(SECRET, fixture.signal);
  await assert.rejects(control.createSecret({ ...SECRET, Name: "PW" }, fixture.signal), {
    code: "exists",
    message: "secret PW already exists",
  });
});

test("a secret that services use stays", async () => {
  const { fixture, control } = await open();
  await using _ = fixture;
  const SecretID = await control.createSecret(SECRET, fixture.signal);
  const ContainerSpec = { Image: "demo:1", Secrets: [{ SecretID, SecretName: "pw" }] };
  const user = (id: string) =>
    aService({ id, spec: { ...aService({ id }).spec, TaskTemplate: { ContainerSpec, ForceUpdate: 0 } } });
  await fixture.seed(user("web"));
  const refused = (message: string) =>
    assert.rejects(control.removeSecret(SecretID, fixture.signal), { code: "invalid", message });
  await refused(`${IN_USE} service: web`);
  await fixture.seed(user("db"));
  await refused(`${IN_USE} services: web, db`);
  await assert.rejects(control.removeSecret("none", fixture.signal), {
    code: "not_found",
    message: "could not find secret none",
  });
});
