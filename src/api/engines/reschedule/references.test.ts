import assert from "node:assert/strict";
import { test } from "node:test";
import { withCurrentIds } from "./references.ts";

const current = (id: string) => (id === "old" ? "new" : undefined);

test("containers that have moved are named by their present ids", () => {
  const HostConfig = {
    NetworkMode: "container:old",
    IpcMode: "private",
    PidMode: "container:other",
    VolumesFrom: ["old:ro", "other"],
    Links: ["old:db"],
    Memory: 64,
  };
  assert.deepEqual(withCurrentIds({ Image: "app", HostConfig }, current), {
    Image: "app",
    HostConfig: {
      NetworkMode: "container:new",
      IpcMode: "private",
      PidMode: "container:other",
      VolumesFrom: ["new:ro", "other"],
      Links: ["new:db"],
      Memory: 64,
    },
  });
});

test("a document that names no container is as it was", () => {
  const document = { Image: "app", HostConfig: { NetworkMode: "old", VolumesFrom: null } };
  assert.deepEqual(withCurrentIds(document, current), document);
});
