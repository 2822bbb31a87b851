import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { seededRandom } from "#base/random.ts";
import { createUnlockKey } from "#wire/unlock-key.ts";
import { createDataKey, readDataKey, writeDataKey } from "./key-encryption.ts";

const random = seededRandom(1);
const dataKey = createDataKey(random);
const [first, second] = [createUnlockKey(random), createUnlockKey(random)];

describe("the manager's data key", () => {
  let directory = "";
  let path = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-keys-"));
    path = join(directory, "certificates", "manager-keys.json");
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test("is kept in the clear, for its owner alone, while autolock is off", async () => {
    assert.deepEqual(await readDataKey(path), { state: "none" });
    await writeDataKey(path, dataKey, { unlockKey: undefined, random });
    assert.deepEqual(await readDataKey(path), { state: "open", dataKey });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  test("opens only with the unlock key while autolock is on", async () => {
    await writeDataKey(path, dataKey, { unlockKey: first, random });
    assert.ok(!(await readFile(path, "utf8")).includes(Buffer.from(dataKey).toString("base64")));
    assert.deepEqual(await readDataKey(path), { state: "locked" });
    await assert.rejects(readDataKey(path, second), { code: "unauthenticated" });
    assert.deepEqual(await readDataKey(path, first), { state: "open", dataKey });
  });

  test("survives a new unlock key, and autolock being turned off", async () => {
    await writeDataKey(path, dataKey, { unlockKey: first, random });
    await writeDataKey(path, dataKey, { unlockKey: second, random });
    await assert.rejects(readDataKey(path, first), { code: "unauthenticated" });
    assert.deepEqual(await readDataKey(path, second), { state: "open", dataKey });
    await writeDataKey(path, dataKey, { unlockKey: undefined, random });
    assert.deepEqual(await readDataKey(path), { state: "open", dataKey });
  });

  for (const content of ["", "{", "{}", '{"version":2,"dataKey":"x"}', '{"version":1,"dataKey":"eA=="}']) {
    test(`a damaged file is said so: ${content}`, async () => {
      await writeDataKey(path, dataKey, { unlockKey: undefined, random });
      await writeFile(path, content);
      await assert.rejects(readDataKey(path), { code: "internal", message: /cannot be read/ });
    });
  }
});
