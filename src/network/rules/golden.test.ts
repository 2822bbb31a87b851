import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { NetworkObject } from "#model/node-network.ts";
import { NetworkState } from "#network/network-state.ts";
import { app, endpoint, H1, mesh, service, vault, web, webEndpoints, webPorts } from "#network/testing/objects.ts";
import { guestRules } from "./guest-rules.ts";
import { type RuleChange, renderAll, renderChanges } from "./render.ts";
import type { RuleFact } from "./rule-fact.ts";

/** Set this variable to write the files anew; commit only differences that you understand. */
const isRewriting = process.env["FLOTILLA_GOLDEN"] === "write";

const GOLDEN = new URL("../golden/", import.meta.url);

function compare(name: string, text: string): void {
  const file = new URL(`${name}.nft`, GOLDEN);
  if (isRewriting) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"));
}

const stateOf = (objects: readonly NetworkObject[]): NetworkState => {
  const state = new NetworkState();
  state.reset(objects);
  return state;
};

const guests = guestRules([{ device: "veth0a1b2c3", addresses: ["10.0.1.11"], others: ["10.0.0.11"] }]);

const RULESETS: Readonly<Record<string, readonly NetworkObject[]>> = {
  "no-networks": [],
  "service-on-a-network": [app, service("api", { app: "10.0.1.2" }, webEndpoints)],
  "published-port": [mesh, app, web],
  "published-port-without-endpoints": [mesh, app, service("web", { mesh: undefined, app: "10.0.1.2" }, [], webPorts)],
  "internal-network": [vault],
};

for (const [name, objects] of Object.entries(RULESETS)) {
  test(`ruleset: ${name}`, () => {
    const state = stateOf(objects);
    if (objects.includes(app)) state.rules.set("guests", guests);
    compare(name, renderAll(state.rules.values()));
  });
}

/** What becomes of the rules when the objects change. */
function changesOf(before: readonly NetworkObject[], after: readonly NetworkObject[]): readonly RuleChange[] {
  const state = stateOf(before);
  const loaded = new Map<string, RuleFact>([...state.rules.values()].map((fact) => [fact.key, fact]));
  state.rules.takeChanged();
  state.reset(after);
  const changes = [...state.rules.takeChanged()].map((key) => ({
    before: loaded.get(key),
    after: state.rules.get(key),
  }));
  return changes.filter((change) => change.before?.value !== change.after?.value);
}

const [, second] = webEndpoints;
const shrunk = { ...web, endpoints: second === undefined ? [] : [second] };

const CHANGES: Readonly<Record<string, readonly [readonly NetworkObject[], readonly NetworkObject[]]>> = {
  "change-one-endpoint-fewer": [
    [mesh, app, web],
    [mesh, app, shrunk],
  ],
  "change-no-endpoint-left": [
    [mesh, app, web],
    [mesh, app, { ...web, endpoints: [] }],
  ],
  "change-new-service": [
    [mesh, app],
    [mesh, app, web],
  ],
};

for (const [name, [before, after]] of Object.entries(CHANGES)) {
  test(`transaction: ${name}`, () => compare(name, renderChanges(changesOf(before, after))));
}

test("a change of one service touches nothing of the others", () => {
  const others = Array.from({ length: 50 }, (_, i) =>
    service(`other${i}`, { app: `10.0.1.${50 + i}` }, [endpoint(`other${i}.1`, H1, { app: `10.0.1.${150 + i}` })]),
  );
  const changes = changesOf([mesh, app, ...others, web], [mesh, app, ...others, shrunk]);
  assert.equal(renderChanges(changes), renderChanges(changesOf([mesh, app, web], [mesh, app, shrunk])));
});
