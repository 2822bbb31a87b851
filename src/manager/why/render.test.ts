import assert from "node:assert/strict";
import { test } from "node:test";
import { reason } from "./explanation.ts";
import { renderExplanation } from "./render.ts";

test("an explanation is rendered as a tree, advice below what it is about", () => {
  const text = renderExplanation({
    subject: { kind: "service", id: "s", name: "web" },
    summary: "service web: 0 of 1 task running",
    reasons: [reason("web.1: waiting", "wait", [reason("h1: drained", "open it"), reason("h2: down")]), reason("last")],
  });
  assert.equal(
    text,
    [
      "service web: 0 of 1 task running",
      "  - web.1: waiting",
      "    → wait",
      "    - h1: drained",
      "      → open it",
      "    - h2: down",
      "  - last",
      "",
    ].join("\n"),
  );
});
