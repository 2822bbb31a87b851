import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DOCUMENT, goldenRulesets, renderTables, withTables } from "./rules-table.ts";

const RULESET = `table ip flotilla {
  # the networks' subnets
  set subnets {
    type ipv4_addr; flags interval;
    elements = {
      10.0.1.0/24
    }
  }
  chain virtual-4097-api {
    dnat ip to 10.0.1.5
  }
  chain virtual-4097-web {
    dnat ip to 10.0.1.6
  }
  chain nat_prerouting {
    type nat hook prerouting priority -105; policy accept;
    # to services
    iifname . ip daddr vmap @virtual_ips
  }
}
`;

test("a ruleset becomes tables: chains with their rules, sets with what they hold", () => {
  assert.equal(
    renderTables([RULESET, RULESET]),
    `| Chain | Where | Rules |
|---|---|---|
| ip \`virtual-4097-api\` | jumped to | \`dnat ip to 10.0.1.5\` |
| ip \`nat_prerouting\` | nat prerouting, -105 | *to services:*<br>\`iifname . ip daddr vmap @virtual_ips\` |

| Set or map | Holds |
|---|---|
| ip \`subnets\` | the networks' subnets |`,
  );
});

test(`${DOCUMENT} shows the rules as the golden files have them`, () => {
  const document = readFileSync(DOCUMENT, "utf8");
  const expected = withTables(document, renderTables(goldenRulesets()));
  assert.ok(document === expected, `${DOCUMENT} is out of date: node test/rules-table.ts`);
});
