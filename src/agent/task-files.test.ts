import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "#model/objects.ts";
import { hasFiles, taskFiles } from "./task-files.ts";
import { description, secret, secretReference, task } from "./testing/builders.ts";
import { NodePayloads } from "./worker.ts";

const node = { id: "n1", description };
const golang = { Templating: { Name: "golang" } };

function payloads(...secrets: readonly ReturnType<typeof secret>[]) {
  const all = new NodePayloads();
  for (const each of secrets) all.put(each);
  return all;
}

const config = (id: string, text: string): Config => ({
  ...secret(id, id, text),
  kind: "config",
  spec: { Name: id, Labels: {}, Data: Buffer.from(text).toString("base64"), ...golang },
});

test("relative targets go where Docker puts them; owner and mode are the reference's", () => {
  const all = payloads(secret("x1", "key", "s3cret"));
  all.put(config("c1", "plain"));
  const reader = task("t1", {
    Secrets: [{ ...secretReference("x1", "key"), File: { Name: "pass", UID: "1000", GID: "7", Mode: 0o440 } }],
    Configs: [{ ConfigID: "c1", ConfigName: "c1", File: { Name: "etc/app", UID: "", GID: "0", Mode: 0o444 } }],
  });
  assert.equal(hasFiles(reader), true);
  assert.deepEqual(taskFiles(reader, node, all), [
    { target: "/run/secrets/pass", data: Buffer.from("s3cret"), uid: 1000, gid: 7, mode: 0o440 },
    { target: "/etc/app", data: Buffer.from("plain"), uid: 0, gid: 0, mode: 0o444 },
  ]);
});

test("a runtime config is no file", () => {
  const reader = task("t1", { Configs: [{ ConfigID: "c1", ConfigName: "c1", Runtime: {} }] });
  assert.equal(hasFiles(reader), false);
  assert.deepEqual(taskFiles(reader, node, payloads()), []);
});

test("templates see the task, its environment and its other payloads", () => {
  const all = payloads(secret("x1", "key", "s3cret"));
  all.put(config("c1", '{{.Service.Name}} {{.Node.Hostname}} {{env "MODE"}} {{secret "key"}}'));
  const reader = task("t1", {
    Env: ["MODE=on-{{.Task.Slot}}"],
    Secrets: [secretReference("x1", "key")],
    Configs: [{ ConfigID: "c1", ConfigName: "c1", File: { Name: "app", UID: "0", GID: "0", Mode: 0o444 } }],
  });
  assert.equal(Buffer.from(taskFiles(reader, node, all)[1]?.data ?? []).toString(), "web host1 on-1 s3cret");
});

test("binary payloads come through as they are", () => {
  const data = Buffer.from([0, 255, 128, 10]);
  const all = payloads(secret("x1", "key", "", { Data: data.toString("base64") }));
  assert.deepEqual(taskFiles(task("t1", { Secrets: [secretReference("x1", "key")] }), node, all)[0]?.data, data);
});

const wrong = [
  {
    name: "a payload that has not arrived",
    all: payloads(),
    File: secretReference("x1", "key").File,
    code: "unavailable",
  },
  {
    name: "an owner that is no number",
    all: payloads(secret("x1", "key", "")),
    File: { ...secretReference("x1", "key").File, UID: "root" },
    code: "invalid",
  },
  {
    name: "a template that asks for what the task does not have",
    all: payloads(secret("x1", "key", '{{secret "other"}}', golang)),
    File: secretReference("x1", "key").File,
    code: "not_found",
  },
];

for (const { name, all, File, code } of wrong) {
  test(`${name} is refused`, () => {
    const reader = task("t1", { Secrets: [{ ...secretReference("x1", "key"), File }] });
    assert.throws(() => taskFiles(reader, node, all), { name: "FlotillaError", code });
  });
}
