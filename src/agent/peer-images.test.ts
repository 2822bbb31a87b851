import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import type { ImageProgress } from "#wire/protocol.ts";
import { PeerImages } from "./peer-images.ts";
import { ManagerDouble } from "./testing/manager-double.ts";

const never = new AbortController().signal;
const REQUEST = { image: "app:1", pullFailed: false };
const HALF: ImageProgress = { from: "h2", sentBytes: 1, totalBytes: 2 };

function bed() {
  const manager = new ManagerDouble("m:2377");
  const peers = new PeerImages(silentLogger);
  const told: ImageProgress[] = [];
  const bring = () => peers.bring(REQUEST, never, (progress) => told.push(progress));
  return { manager, peers, told, bring };
}

test("images are asked for while there is a session", async () => {
  const { manager, peers, told, bring } = bed();
  manager.bring = async function* () {
    yield HALF;
  };
  assert.equal(await bring(), false);
  {
    using _ = peers.serve(manager.connect());
    assert.equal(await bring(), true);
  }
  assert.equal(await bring(), false);
  assert.deepEqual(told, [HALF]);
});

test("a manager that has no image to give is no failure; a copy that broke off is to be tried again", async () => {
  const { manager, peers, bring } = bed();
  using _ = peers.serve(manager.connect());
  const answer = (code: ErrorCode, ...before: readonly ImageProgress[]) => {
    manager.bring = async function* () {
      yield* before;
      throw new FlotillaError(code, "no");
    };
    return bring();
  };
  for (const code of ["not_found", "unimplemented", "unavailable", "internal"] as const) {
    assert.equal(await answer(code), false, code);
  }
  assert.equal(await answer("internal", HALF), false);
  const message = "copying app:1 from another host broke off: no";
  await assert.rejects(answer("unavailable", HALF), { code: "unavailable", message });
});
