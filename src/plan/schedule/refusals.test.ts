import assert from "node:assert/strict";
import { test } from "node:test";
import type { Filter } from "./filter.ts";
import { hostPortFilter, maxReplicasFilter, readyFilter, resourceFilter } from "./filters.ts";
import { NodeTotals } from "./node-totals.ts";
import { FILTERS } from "./placement.ts";
import { explainRefusals, Refusals } from "./refusals.ts";

const refuse = (...reasons: readonly Filter[]): Refusals => {
  const refusals = new Refusals();
  reasons.forEach((reason, order) => refusals.add(new NodeTotals(order), reason));
  return refusals;
};

test("no nodes, no reasons", () => {
  assert.equal(explainRefusals(FILTERS, refuse()), "no suitable node");
});

test("the most frequent reason comes first, equally frequent ones in the order of the filters", () => {
  const unfit = refuse(hostPortFilter, readyFilter, resourceFilter, resourceFilter);
  assert.equal(
    explainRefusals(FILTERS, unfit, refuse(maxReplicasFilter, maxReplicasFilter, maxReplicasFilter)),
    "no suitable node (max replicas per node limit exceed; insufficient resources on 2 nodes; " +
      "1 node not available for new tasks; host-mode port already in use on 1 node)",
  );
});

test("a node counts once", () => {
  const refusals = new Refusals();
  const node = new NodeTotals(0);
  refusals.add(node, readyFilter);
  refusals.add(node, resourceFilter);
  assert.equal(refusals.size, 1);
  assert.equal(explainRefusals(FILTERS, refusals), "no suitable node (1 node not available for new tasks)");
});
