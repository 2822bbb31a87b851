import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

/** Which folders of `src/` a folder may import from, besides itself. Decided in docs/architecture.md. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  model: ["base"],
  plan: ["model", "base"],
  store: ["model", "base"],
  wire: ["model", "base"],
  engine: ["model", "base"],
  network: ["model", "base"],
  manager: ["plan", "store", "wire", "model", "base"],
  agent: ["plan", "wire", "engine", "network", "model", "base"],
  api: ["manager", "plan", "store", "wire", "engine", "model", "base"],
  classic: ["api", "manager", "plan", "store", "wire", "engine", "model", "base"],
  node: ["manager", "agent", "api", "plan", "store", "wire", "engine", "network", "model", "base"],
  lab: ["model", "base", "engine"],
  sim: ["manager", "agent", "api", "plan", "store", "wire", "engine", "network", "model", "base"],
  cli: [
    "node",
    "classic",
    "manager",
    "agent",
    "api",
    "plan",
    "store",
    "wire",
    "engine",
    "network",
    "lab",
    "sim",
    "model",
    "base",
  ],
};

const IMPORT = /(?:from|import)\s*\(?\s*"([^"]+)"/g;

for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
  test(`${folder}/ imports only ${[...allowed, "itself"].join(", ")}`, () => {
    for (const file of globSync(`src/${folder}/**/*.ts`)) {
      for (const [, target = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
        assert.ok(!target.startsWith("../"), `${file} imports ${target}: write #folder/file.ts`);
        if (target.startsWith("#")) {
          const layer = target.slice(1).split("/")[0] ?? "";
          assert.ok(layer === folder || allowed.includes(layer), `${file} imports ${target}`);
        }
      }
    }
  });
}

test("every folder of src/ has its row in the table", () => {
  const folders = new Set(globSync("src/**/*.ts").map((file) => file.split("/")[1]));
  assert.deepEqual(
    [...folders].filter((folder) => !(folder !== undefined && folder in MAY_IMPORT)),
    [],
  );
});
