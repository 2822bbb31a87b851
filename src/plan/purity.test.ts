import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const FORBIDDEN = [
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bMath\.random\b/,
  /\bperformance\.now\b/,
  /\bawait\b/,
  /\basync\b/,
  /\bPromise\b/,
  /\bset(?:Timeout|Interval|Immediate)\b/,
  /\bprocess\./,
  /from "node:/,
];
const FOLDER = import.meta.dirname;

for (const file of globSync("**/*.ts", { cwd: FOLDER })) {
  const code = withoutComments(readFileSync(`${FOLDER}/${file}`, "utf8"));
  if (code.includes(`from "node:test"`)) continue;
  test(`plan/${file} has no clock, no random, no waiting and no outside world`, () => {
    for (const pattern of FORBIDDEN) assert.doesNotMatch(code, pattern);
  });
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}
