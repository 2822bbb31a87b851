import assert from "node:assert/strict";
import { test } from "node:test";
import { routeConflict } from "./route-conflicts.ts";

const network = { name: "app", subnet: "10.0.1.0/24" };

const HARMLESS = [
  { dst: "default", dev: "eth0" },
  { dst: "10.0.2.0/24", dev: "eth0" },
  { dst: "10.0.1.0/24", dev: "fl-br4097" },
  { dst: "0.0.0.0/0", dev: "eth0" },
];

test("the default route, other subnets and our own bridges are no conflict", () => {
  assert.equal(routeConflict(network, HARMLESS), undefined);
});

for (const dst of ["10.0.0.0/16", "10.0.1.0/24", "10.0.1.128/25", "10.0.1.7"]) {
  test(`a route to ${dst} is a conflict`, () => {
    const conflict = routeConflict(network, [...HARMLESS, { dst, dev: "tun0" }]);
    assert.match(conflict ?? "", new RegExp(`10\\.0\\.1\\.0/24.*reaches ${dst} by tun0.*--subnet`));
  });
}
