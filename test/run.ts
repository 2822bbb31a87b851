/**
 * Runs the project's checks and tests: `node test/run.ts [checks|unit|sim|lab]...` (all of them by default), and closes
 * with `N passed, N failed`. A group that cannot run here counts as failed.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { PROBE_PREREQUISITES } from "#lab/images-programs.ts";
import { SHOP_PREREQUISITES } from "#lab/images-shop.ts";
import { command, ensurePrerequisites, hasCommand, PREREQUISITES, type Prerequisite } from "#lab/prerequisites.ts";
import { REGISTRY_PREREQUISITE } from "#lab/registry.ts";
import { FAKETIME_PREREQUISITE } from "./chaos/bed.ts";
import { CLIENT_PREREQUISITES } from "./lab/clients/prerequisites.ts";

interface Count {
  passed: number;
  failed: number;
}

/** Files of the same group share the machine: lab hosts are heavy, so those files run one by one. */
const GROUPS = {
  unit: {
    files: ["src/**/*.test.ts", "test/*.test.ts", "test/parity/*.test.ts", "test/chaos/*.test.ts"],
    except: /^src\/(sim|lab)\/|\/docker-/,
    concurrency: 2,
  },
  sim: { files: ["src/sim/**/*.test.ts"], except: undefined, concurrency: 2 },
  lab: {
    files: ["src/lab/*.test.ts", "src/**/docker-*.test.ts", "test/lab/*.test.ts"],
    except: undefined,
    concurrency: 1,
  },
} as const;

const CHECKS = [
  { name: "types", command: "tsc", args: [] },
  { name: "lint", command: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "format", command: "biome", args: ["ci", "--colors=off", "."] },
] as const;

/** What real hosts need, and what only their tests do. */
const LAB_PREREQUISITES: readonly Prerequisite[] = [
  ...PREREQUISITES,
  REGISTRY_PREREQUISITE,
  ...PROBE_PREREQUISITES,
  ...SHOP_PREREQUISITES,
  FAKETIME_PREREQUISITE,
  ...CLIENT_PREREQUISITES,
  command("ping", "iputils-ping", "tests of the path between hosts"),
  { package: "openssl", reason: "tests of certificates", isMet: () => hasCommand("openssl") },
];

type Group = keyof typeof GROUPS | "checks";

const asked = process.argv.slice(2) as Group[];
const groups: readonly Group[] = asked.length > 0 ? asked : ["checks", "unit", "sim", "lab"];
const total: Count = { passed: 0, failed: 0 };
for (const group of groups) {
  const count = group === "checks" ? runChecks() : await runTests(group);
  total.passed += count.passed;
  total.failed += count.failed;
}
if (total.passed === 0) total.failed += 1;
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;

function runChecks(): Count {
  const count: Count = { passed: 0, failed: 0 };
  for (const { name, command, args } of CHECKS) {
    const { status } = spawnSync(command, args, { stdio: "inherit" });
    process.stdout.write(`${status === 0 ? "✔" : "✖"} ${name}\n`);
    count[status === 0 ? "passed" : "failed"] += 1;
  }
  return count;
}

async function runTests(group: keyof typeof GROUPS): Promise<Count> {
  if (group === "lab") {
    // Where the tests of real hosts were asked for, they must not be skipped.
    process.env["CI"] ??= "true";
    await ensurePrerequisites(LAB_PREREQUISITES, (line) => process.stdout.write(`${line}\n`), AbortSignal.any([]));
  }
  const { files, except, concurrency } = GROUPS[group];
  const found = globSync([...files]).filter((file) => !except?.test(file));
  const count: Count = { passed: 0, failed: found.length === 0 ? 1 : 0 };
  const stream = run({ files: found, concurrency, timeout: 15 * 60_000 });
  stream.on("test:pass", (event) => {
    if (event.details.type !== "suite") count.passed += 1;
  });
  stream.on("test:fail", (event) => {
    if (event.details.type !== "suite") count.failed += 1;
  });
  process.stdout.write(`\n${group}: ${found.length} files\n`);
  for await (const text of stream.compose(spec())) process.stdout.write(text as Buffer);
  return count;
}
