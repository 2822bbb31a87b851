import assert from "node:assert/strict";
import { test } from "node:test";
import { type BuildArgs, baseImages } from "./base-images.ts";

const CASES: readonly {
  readonly name: string;
  readonly lines: readonly string[];
  readonly args?: BuildArgs;
  readonly want: readonly string[];
}[] = [
  { name: "one image", lines: ["# syntax=docker/dockerfile:1", "from busybox", "RUN echo FROM x"], want: ["busybox"] },
  {
    name: "stages of its own are no images",
    lines: [
      "FROM --platform=linux/amd64 go:1 AS Build",
      "FROM scratch",
      "COPY --from=build /a /",
      "COPY --from=0 /b /",
    ],
    want: ["go:1"],
  },
  {
    name: "what is copied from, and mounted",
    lines: [
      "FROM base@sha256:0123",
      "COPY --chown=1 --from=tools:2 /a /",
      "RUN --mount=type=bind,from=cache,target=/c true",
    ],
    want: ["base@sha256:0123", "tools:2", "cache"],
  },
  {
    name: "arguments before the first stage",
    lines: ["ARG NAME=app TAG", 'ARG REPO="registry:5000/${NAME}"', "FROM $REPO:${TAG:-1}"],
    want: ["registry:5000/app:1"],
  },
  {
    name: "arguments of the build",
    lines: ["ARG TAG=1", "ARG REPO", "FROM ${REPO:+$REPO/}app:$TAG", "ARG TAG=9", "FROM other:$TAG"],
    args: { TAG: "2", REPO: null },
    want: ["app:2", "other:2"],
  },
  {
    name: "lines that go on",
    lines: ["FROM \\", "# in between", "", "  app:1 \\", " AS one", "FROM one"],
    want: ["app:1"],
  },
  { name: "another sign for lines that go on", lines: ["# escape=`", "FROM `", "app:1"], want: ["app:1"] },
  { name: "what is none", lines: ["FROM", "FROM $NOTHING", "nonsense"], want: [] },
];

for (const { name, lines, args = {}, want } of CASES) {
  test(`base images: ${name}`, () => assert.deepEqual(baseImages(lines.join("\n"), args), want));
}
