import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlotillaError } from "#base/errors.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { findSubject } from "./find-subject.ts";
import { host, secondsAgo, service, task, web } from "./testing/scene.ts";

const global = service({ Name: "logger.v2", Mode: { Global: {} } }, { id: "svc-global" });
const view = new ArrayView([
  web(2),
  global,
  service({ Name: "h3" }, { id: "svc-h3" }),
  host("h1"),
  host("h2"),
  host("h3"),
  { ...host("twin"), id: "one-twin" },
  { ...host("twin"), id: "other-twin" },
  task(web(2), "task-old", { createdAt: secondsAgo(10), desired: "shutdown" }),
  task(web(2), "task-new", { createdAt: secondsAgo(5), cause: { kind: "restarted", previous: "task-old" } }),
  task(global, "global-1", { slot: 0, nodeId: "n1" }),
]);

for (const { name, want } of [
  { name: "svc-global", want: "svc-global" },
  { name: "logger.v2", want: "svc-global" },
  { name: "svc-g", want: "svc-global" },
  { name: "task-old", want: "task-old" },
  { name: "web.1", want: "task-new" },
  { name: "web.1.task-old", want: "task-old" },
  { name: "logger.v2.n1", want: "global-1" },
  { name: "logger.v2.h1", want: "global-1" },
  { name: "n2", want: "n2" },
  { name: "h2", want: "n2" },
  { name: "h3", want: "svc-h3" },
  { name: "other", want: "other-twin" },
]) {
  test(`${name} means ${want}`, () => assert.equal(findSubject(view, name).id, want));
}

for (const { name, code, message } of [
  { name: "none", code: "not_found", message: "service, task, node, network or movable container none not found" },
  { name: "", code: "not_found", message: "service, task, node, network or movable container  not found" },
  { name: "web.9", code: "not_found", message: "service, task, node, network or movable container web.9 not found" },
  { name: "twin", code: "invalid", message: "twin is ambiguous (2 matches found): give more of the id" },
  { name: "svc", code: "invalid", message: "svc is ambiguous (2 matches found): give more of the id" },
]) {
  test(`"${name}" means nothing`, () =>
    assert.throws(
      () => findSubject(view, name),
      (err: FlotillaError) => err.code === code && err.message === message,
    ));
}
