import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "#base/random.ts";
import { createJoinToken, isSameToken, parseJoinToken, rootDigest } from "./join-token.ts";
import { createUnlockKey, parseUnlockKey, renderUnlockKey } from "./unlock-key.ts";

const fromBase36 = (digits: string): bigint =>
  Array.from(digits).reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);

describe("join token", () => {
  test("has Docker's form, holds the root's digest, and comes back when parsed", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (root, seed) => {
        const token = createJoinToken(root, seededRandom(seed));
        assert.match(token, /^SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}$/);
        assert.equal(parseJoinToken(token).digest, rootDigest(root));
        const sha256 = createHash("sha256").update(root).digest("hex");
        assert.equal(fromBase36(parseJoinToken(token).digest), BigInt(`0x${sha256}`));
      }),
    );
  });

  test("two tokens differ, and compare equal only to themselves", () => {
    const random = seededRandom(1);
    const [one, other] = [createJoinToken("root", random), createJoinToken("root", random)];
    assert.ok(isSameToken(one, one));
    assert.ok(!isSameToken(one, other));
    assert.ok(!isSameToken(one, one.slice(0, -1)));
  });

  const good = createJoinToken("root", seededRandom(1));
  for (const bad of [
    "",
    "SWMTKN",
    good.slice(1),
    `${good}a`,
    good.toUpperCase(),
    good.replace("-1-", "-2-"),
    ` ${good}`,
  ]) {
    test(`refuses ${JSON.stringify(bad)}`, () => {
      assert.throws(() => parseJoinToken(bad), { code: "invalid", message: "invalid join token" });
    });
  }
});

describe("unlock key", () => {
  test("comes back when parsed", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const key = createUnlockKey(seededRandom(seed));
        assert.match(renderUnlockKey(key), /^SWMKEY-1-[A-Za-z0-9+/]{43}$/);
        assert.deepEqual(parseUnlockKey(renderUnlockKey(key)), key);
      }),
    );
  });

  const good = renderUnlockKey(createUnlockKey(seededRandom(1)));
  for (const bad of [
    "",
    "SWMKEY-1-",
    good.slice(0, -1),
    `${good}=`,
    good.replace("-1-", "-2-"),
    good.slice(9),
    "SWMKEY-1-no",
  ]) {
    test(`refuses ${JSON.stringify(bad)}`, () => assert.throws(() => parseUnlockKey(bad), { code: "invalid" }));
  }
});
