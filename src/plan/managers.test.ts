import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LEADERSHIP_ID, type Node, type StoreObject } from "#model/objects.ts";
import { ArrayView } from "#plan/testing/array-view.ts";
import { cluster, node } from "#plan/testing/builders.ts";
import { hasMajority, mayLead, planManager, quorumWithout } from "./managers.ts";

const CONTEXT = { now: 100, newId: () => "id" };
const META = { version: 1, createdAt: 0, updatedAt: 0 };

const live = (id: string): StoreObject => ({
  kind: "manager",
  id,
  ...META,
  addr: `${id}:2377`,
  withdrawnUpTo: 0,
  startedAt: 0,
});
const leads = (nodeId: string): StoreObject => ({ kind: "leadership", id: LEADERSHIP_ID, ...META, nodeId, since: 0 });
const withRole = (id: string, Role: "manager" | "worker", more: Partial<Node> = {}): Node =>
  node(id, { role: Role, spec: { Labels: {}, Role, Availability: "active" }, ...more });
const member = (id: string): Node =>
  withRole(id, "manager", { manager: { leader: false, reachability: "reachable", addr: `${id}:2377` } });

/** The node as the plan leaves it; undefined when it has nothing to write. */
function planned(id: string, ...objects: StoreObject[]): Node | undefined {
  const [operation] = planManager(new ArrayView([cluster(), ...objects]), id, CONTEXT).operations;
  if (operation === undefined) return undefined;
  assert.ok(operation.type === "update" && operation.object.kind === "node");
  return operation.object;
}

describe("what is written of a manager", () => {
  test("who leads, and whether it is there", () => {
    const m1 = withRole("m1", "manager");
    const objects = [m1, member("m2"), live("m1"), leads("m1")];
    assert.deepEqual(planned("m1", ...objects)?.manager, { leader: true, reachability: "reachable", addr: "m1:2377" });
    assert.deepEqual(planned("m2", ...objects)?.manager, {
      leader: false,
      reachability: "unreachable",
      addr: "m2:2377",
    });
  });

  test("nothing that is known already, and nothing of one that has never been there", () => {
    assert.equal(planned("m1", member("m1"), live("m1"), leads("m2")), undefined);
    assert.equal(planned("m1", withRole("m1", "manager")), undefined);
    assert.equal(planned("w1", withRole("w1", "worker")), undefined);
    assert.equal(planned("gone"), undefined);
  });

  test("its new address", () => {
    const moved = { ...live("m1"), addr: "m1:2380" } as StoreObject;
    assert.equal(planned("m1", member("m1"), moved)?.manager?.addr, "m1:2380");
  });

  test("a promoted node gets its role at once, a demoted one keeps it", () => {
    const promoted = withRole("w1", "manager", { role: "worker" });
    assert.equal(planned("w1", promoted)?.role, "manager");
    assert.equal(planned("w1", promoted)?.manager, undefined);
    const demoted = { ...member("m1"), spec: withRole("m1", "worker").spec };
    assert.equal(planned("m1", demoted, live("m1")), undefined);
  });

  test("a worker is shown as no manager", () => {
    const left = planned("w1", { ...member("w1"), role: "worker", spec: withRole("w1", "worker").spec });
    assert.ok(left !== undefined && !("manager" in left));
  });
});

describe("a node that is being demoted", () => {
  const demoted = { ...member("m1"), spec: withRole("m1", "worker").spec };
  for (const { name, others, want } of [
    { name: "while another manager is there", others: [member("m2"), live("m2")], want: false },
    { name: "when the other manager is lost", others: [member("m2")], want: true },
    { name: "when the other one is being demoted, too", others: [{ ...demoted, id: "m2" }, live("m2")], want: true },
  ]) {
    test(`${want ? "leads" : "does not lead"} ${name}`, () => {
      assert.equal(mayLead(new ArrayView([cluster(), demoted, live("m1"), ...others]), "m1"), want);
    });
  }
  test("others lead as they like", () => {
    const view = new ArrayView([cluster(), demoted, member("m2")]);
    assert.ok(mayLead(view, "m2") && mayLead(view, "m3"));
  });
});

for (const { members, alive, want } of [
  { members: ["m1"], alive: ["m1"], want: false },
  { members: ["m1", "m2"], alive: ["m1", "m2"], want: true },
  { members: ["m1", "m2"], alive: ["m1"], want: false },
  { members: ["m1", "m2", "m3"], alive: ["m1", "m2", "m3"], want: true },
  { members: ["m1", "m2", "m3"], alive: ["m2", "m3"], want: true },
  { members: ["m1", "m2", "m3"], alive: ["m1", "m2"], want: false },
  { members: ["m1", "m2", "m3", "m4", "m5"], alive: ["m1", "m2", "m3", "m4"], want: true },
  { members: ["m1", "m2", "m3", "m4", "m5"], alive: ["m1", "m2", "m3"], want: false },
]) {
  test(`of ${members.length} managers, ${alive.join()} alive, m1 can${want ? "" : "not"} go`, () => {
    const view = new ArrayView([...members.map(member), ...alive.map(live)]);
    assert.equal(hasMajority(quorumWithout(view, "m1")), want);
  });
}
