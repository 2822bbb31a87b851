import assert from "node:assert/strict";
import { test } from "node:test";
import { cluster, config, network, node, secret, service, task } from "./testing/samples.ts";
import { uniqueName } from "./unique-name.ts";

test("services, networks, secrets and configs have unique names, in any letters", () => {
  const objects = [service("A"), network("B"), secret("c", "Key"), config("d", "App.Conf")];
  assert.deepEqual(objects.map(uniqueName), ["a", "b", "key", "app.conf"]);
});

test("clusters, nodes and tasks may share names", () => {
  for (const object of [cluster("a"), node("b"), task("c")]) assert.equal(uniqueName(object), undefined);
});
