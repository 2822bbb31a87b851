import assert from "node:assert/strict";
import { test } from "node:test";
import { plainCodec, sealedCodec } from "./codec.ts";
import type { Address } from "./store.ts";
import { everyKind, secret } from "./testing/samples.ts";

const key = new Uint8Array(32).fill(7);
const sealed = sealedCodec(key);
const object = secret("one", "Grüße \u{1f511}");
const address: Address = { kind: "secret", id: "one", version: 9 };

function isFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozen);
}

for (const [name, codec] of [
  ["plain", plainCodec],
  ["sealed", sealed],
] as const) {
  test(`${name}: what is decoded equals what was encoded, but has the address's version, and is frozen`, () => {
    for (const { kind, id, ...rest } of everyKind()) {
      const decoded = codec.decode(codec.encode({ kind, id, ...rest } as typeof object), { kind, id, version: 9 });
      assert.deepEqual(decoded, { kind, id, ...rest, version: 9 });
      assert.ok(isFrozen(decoded));
    }
  });

  test(`${name}: a value is no other object's`, () => {
    const bytes = codec.encode(object);
    for (const other of [{ id: "two" }, { kind: "config" }] as const) {
      assert.throws(() => codec.decode(bytes, { ...address, ...other }), { code: "internal" });
    }
  });
}

test("sealed values show nothing, and are different each time", () => {
  const [first, second] = [sealed.encode(object), sealed.encode(object)];
  assert.ok(!Buffer.from(first).includes("Grüße") && !Buffer.from(first).includes("secret"));
  assert.notDeepEqual(first, second);
});

test("any changed byte of a sealed value is noticed", () => {
  const bytes = sealed.encode(object);
  for (let index = 0; index < bytes.length; index++) {
    const changed = Uint8Array.from(bytes);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.throws(() => sealed.decode(changed, address), { code: "internal" }, `byte ${index}`);
  }
});

test("bytes that no codec wrote, or another one, are refused", () => {
  const another = sealedCodec(new Uint8Array(32).fill(8));
  const sealedBytes = sealed.encode(object);
  const cases: [string, () => unknown, RegExp][] = [
    ["another key", () => another.decode(sealedBytes, address), /secret one cannot be read: .*another key/],
    ["a plain value", () => sealed.decode(plainCodec.encode(object), address), /mixed/],
    ["a sealed value", () => plainCodec.decode(sealedBytes, address), /mixed/],
    ["nothing", () => sealed.decode(new Uint8Array(), address), /unknown format/],
    ["a later format", () => plainCodec.decode(Uint8Array.of(99), address), /unknown format/],
    ["a cut value", () => sealed.decode(sealedBytes.subarray(0, 20), address), /too short/],
    ["cut JSON", () => plainCodec.decode(plainCodec.encode(object).subarray(0, 9), address), /not JSON/],
  ];
  for (const [name, decode, message] of cases) assert.throws(decode, { code: "internal", message }, name);
});

test("a key of another length is refused", () => {
  assert.throws(() => sealedCodec(new Uint8Array(16)), { code: "invalid", message: /32 bytes, not 16/ });
});

test("digests are the same for the same text and key only, and show nothing of the text", () => {
  const digest = sealed.digest("service/web");
  assert.equal(sealedCodec(key).digest("service/web"), digest);
  assert.notEqual(sealed.digest("service/wec"), digest);
  assert.notEqual(sealedCodec(new Uint8Array(32).fill(8)).digest("service/web"), digest);
  assert.doesNotMatch(digest, /web/);
});
