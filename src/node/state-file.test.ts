import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type NodeState, StateFile } from "./state-file.ts";

const STATE: NodeState = {
  nodeId: "n1",
  clusterId: "c1",
  role: "manager",
  listenAddr: "0.0.0.0:2377",
  advertiseAddr: "10.0.0.1:2377",
  dataPathAddr: "",
  managers: [{ nodeId: "n1", addr: "10.0.0.1:2377" }],
};

async function open() {
  const directory = await mkdtemp(join(tmpdir(), "flotilla-state-"));
  const path = join(directory, "root", "state.json");
  return {
    path,
    file: new StateFile(path),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

test("what was written is read, also by another process", async () => {
  await using place = await open();
  assert.equal(place.file.read(), undefined);
  place.file.write(STATE);
  assert.deepEqual(place.file.read(), STATE);
  place.file.write({ ...STATE, managers: [] });
  assert.deepEqual(new StateFile(place.path).read(), { ...STATE, managers: [] });
});

test("only its owner may read it, and no draft is left behind", async () => {
  await using place = await open();
  place.file.write(STATE);
  assert.equal((await stat(place.path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(place.path, "..")), ["state.json"]);
});

test("a write that was cut off leaves the state before it", async () => {
  await using place = await open();
  place.file.write(STATE);
  await writeFile(`${place.path}.new`, '{"nodeId": "n2", "clus');
  assert.deepEqual(place.file.read(), STATE);
  place.file.write({ ...STATE, nodeId: "n3" });
  assert.equal(place.file.read()?.nodeId, "n3");
});

test("a damaged file is an error that says what to do, and stays as it is", async () => {
  await using place = await open();
  place.file.write(STATE);
  for (const text of ["", "{", "null", "[]", '"text"']) {
    await writeFile(place.path, text);
    assert.throws(() => place.file.read(), { code: "internal", message: /is damaged: restore it, or move/ }, text);
    assert.equal(await readFile(place.path, "utf8"), text);
  }
});

test("a file that cannot be read is not taken for none", async () => {
  await using place = await open();
  await mkdir(place.path, { recursive: true });
  assert.throws(() => place.file.read(), { code: "internal", message: /cannot read/ });
});

test("a removed file is no state, and may be removed twice", async () => {
  await using place = await open();
  place.file.write(STATE);
  place.file.remove();
  place.file.remove();
  assert.equal(place.file.read(), undefined);
});
