import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Heap } from "./heap.ts";

test("items leave in order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (items) => {
      const heap = new Heap<number>((a, b) => a < b, items);
      assert.equal(heap.size, items.length);
      assert.deepEqual(
        Array.from({ length: items.length }, () => heap.pop()),
        items.toSorted((a, b) => a - b),
      );
      assert.equal(heap.pop(), undefined);
    }),
  );
});

test("a top item that has grown sinks to its place", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1 }), fc.array(fc.integer({ min: 1, max: 9 })), (items, steps) => {
      const heap = new Heap<{ key: number }>(
        (a, b) => a.key < b.key,
        items.map((key) => ({ key })),
      );
      const keys = [...items];
      for (const step of steps) {
        const top = heap.peek();
        assert.equal(top?.key, Math.min(...keys));
        if (top === undefined) continue;
        keys[keys.indexOf(top.key)] = top.key + step;
        top.key += step;
        heap.settle();
      }
      assert.equal(heap.peek()?.key, Math.min(...keys));
    }),
  );
});
