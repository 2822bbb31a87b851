import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { create, inside, inspectContainer, refusal, SLEEPER, taskRows, untilRunning } from "./task-rows.ts";

const ON_H2 = ["--constraint", "node.hostname==h2"];
const TEMPLATE =
  'node={{.Node.Hostname}} service={{.Service.Name}} slot={{.Task.Slot}} key={{secret "key"}} env={{env "A"}}';

/** `docker secret create NAME -` with the data on its standard input; the same for configs. */
const put = async (
  host: LabHost,
  kind: "secret" | "config",
  name: string,
  data: string | Uint8Array,
  ...options: string[]
) => {
  const argv = ["docker", "--host", `unix://${host.daemonSocket}`, kind, "create", ...options, name, "-"];
  return (await run({ argv, input: data }, signal)).trim();
};

test("secrets and configs reach the tasks that use them, and nobody else", scene, async (t) => {
  await using cluster = await openCluster({ name: "pay", hosts: 2 });
  const { manager, lab } = cluster;
  const h2 = lab.host("h2");

  await t.test("they are created, listed and inspected; a secret's data is never shown", async () => {
    const id = await put(manager, "secret", "key", "s3cret", "--label", "tier=1");
    await put(manager, "config", "conf", TEMPLATE, "--template-driver", "golang");
    await put(manager, "config", "plain", "plain text");
    assert.equal(
      await say(manager, "secret", "ls", "--filter", "label=tier=1", "--format", "{{.ID}} {{.Name}}"),
      `${id} key`,
    );
    const inspected = await say(manager, "secret", "inspect", "key");
    assert.match(inspected, /"Name": "key"/);
    assert.doesNotMatch(inspected, /Data|czNjcmV0|s3cret/);
    assert.match(await say(manager, "config", "inspect", "--pretty", "plain"), /Data:\nplain text/);
  });

  await t.test("bad ones are refused", async () => {
    const too = (kind: "secret" | "config", name: string, data: string | Uint8Array) => put(manager, kind, name, data);
    await assert.rejects(too("secret", "key", "again"), /secret key already exists/);
    await assert.rejects(
      too("secret", "big", new Uint8Array(512_000)),
      /must be larger than 0 and less than 512000 bytes/,
    );
    await assert.rejects(
      too("config", "big", new Uint8Array(1_024_000)),
      /must be larger than 0 and less than 1024000 bytes/,
    );
    await assert.rejects(too("secret", "a/b", "x"), /invalid name/);
    await assert.rejects(too("config", "c".repeat(65), "x"), /invalid name/);
    assert.match(await refusal(manager, "secret", "rm", "nope"), /secret nope not found/);
    assert.match(await refusal(manager, "service", "create", "--secret", "nope", "busybox"), /secret not found: nope/);
  });

  await t.test("files have their owner, mode, place and content, on a tmpfs that is read-only", async () => {
    await create(
      manager,
      "app",
      ...ON_H2,
      "--env",
      "A=b",
      "--secret",
      "source=key,target=/etc/key,uid=7,gid=8,mode=0400",
      "--secret",
      "key",
      "--config",
      "source=conf,target=/conf,mode=0440",
      "--config",
      "plain",
      ...SLEEPER,
    );
    await untilRunning(manager, "app", 1);
    const stat = "stat -c '%n %u:%g %a' /etc/key /run/secrets/key /conf /plain";
    assert.deepEqual((await inside(h2, "app", stat)).split("\n"), [
      "/etc/key 7:8 400",
      "/run/secrets/key 0:0 444",
      "/conf 0:0 440",
      "/plain 0:0 444",
    ]);
    assert.equal(await inside(h2, "app", "cat /etc/key"), "s3cret");
    assert.equal(await inside(h2, "app", "cat /plain"), "plain text");
    assert.equal(await inside(h2, "app", "cat /conf"), "node=h2 service=app slot=1 key=s3cret env=b");
    assert.match(await inside(h2, "app", "grep ' /etc/key ' /proc/mounts"), /^\S+ \/etc\/key tmpfs ro,/);
    assert.equal(await inside(h2, "app", "(echo x > /run/secrets/key) 2> /dev/null || echo refused"), "refused");
    assert.equal(await inside(h2, "app", "cat /run/secrets/key"), "s3cret");
    assert.doesNotMatch(JSON.stringify(await inspectContainer(h2, "app")), /s3cret/);
  });

  await t.test("no secret touches a disk", async () => {
    const { stdout } = await h2.exec(
      ["grep", "--recursive", "--files-with-matches", "--text", "s3cret", h2.data],
      signal,
    );
    assert.equal(stdout, "", "the worker's disk");
    const own = await manager.exec(
      ["grep", "--recursive", "--files-with-matches", "--text", "s3cret", `${manager.data}/flotilla`],
      signal,
    );
    assert.equal(own.stdout, "", "the manager's disk");
  });

  await t.test("what is in use cannot be removed, and its data cannot be changed", async () => {
    assert.match(await refusal(manager, "secret", "rm", "key"), /secret 'key' is in use by the following service: app/);
    assert.match(
      await refusal(manager, "config", "rm", "conf"),
      /config 'conf' is in use by the following service: app/,
    );
  });

  await t.test("an update takes one secret away and brings another in its place", async () => {
    await put(manager, "secret", "key2", "n3wer");
    const change = ["--secret-rm", "key", "--secret-add", "source=key2,target=/etc/key", "--config-rm", "conf"];
    const [before] = await untilRunning(manager, "app", 1);
    await say(manager, "service", "update", "--detach", ...change, "app");
    await eventually("the new task runs alone", async () => {
      const rows = (await taskRows(manager, "app")).filter((row) => row.CurrentState.startsWith("Running"));
      return rows.length === 1 && rows[0]?.ID !== before?.ID;
    });
    await eventually(
      "the old container is forgotten",
      async () => (await inside(h2, "app", "cat /etc/key")) === "n3wer",
    );
    await say(manager, "secret", "rm", "key");
    await say(manager, "config", "rm", "conf");
  });

  await t.test("after the last task nothing is left on the node", async () => {
    await say(manager, "service", "rm", "app");
    await eventually(
      "no file is left",
      async () => (await h2.run(["find", "/run/flotilla/payloads", "-type", "f"], signal)) === "",
    );
    await say(manager, "secret", "rm", "key2");
    await say(manager, "config", "rm", "plain");
    assert.equal(await say(manager, "secret", "ls", "--quiet"), "");
  });
});
