import { api, docker, type Step, transcript } from "../transcript.ts";

const DATA = Buffer.from("hush").toString("base64");
const OTHER_DATA = Buffer.from("hash").toString("base64");

/** Secrets and configs have the same calls; they are compared separately all the same. */
const sameCalls = (kind: "secret" | "config", limit: number): readonly Step[] => [
  docker(`${kind} ls`),
  docker(`${kind} create --label a=b --label c key -`, { input: "hush", capture: { [`${kind}Key`]: "" } }),
  docker(`${kind} create key -`, { input: "again" }),
  docker(`${kind} create KEY -`, { input: "again" }),
  docker(`${kind} create other.key_2-x -`, { input: "hash", capture: { [`${kind}Other`]: "" } }),
  docker(`${kind} create bad- -`, { input: "x" }),
  docker(`${kind} create .bad -`, { input: "x" }),
  docker(`${kind} create bad/name -`, { input: "x" }),
  docker(`${kind} create ${"x".repeat(300)} -`, { input: "x" }),
  docker(`${kind} create ${"x".repeat(65)} -`, { input: "x" }),
  docker(`${kind} create large -`, { input: "x".repeat(limit) }),
  docker(`${kind} create --template-driver golang templated -`, { input: "{{.Service.Name}}" }),
  docker(`${kind} create --template-driver perl strange -`, { input: "x" }),
  docker(`${kind} ls`),
  docker(`${kind} ls --quiet`, { unordered: true }),
  docker(`${kind} ls --format '{{.Name}} {{.Label "a"}}' --filter name=key`, { unordered: true }),
  docker(`${kind} ls --format {{.Name}} --filter name=o`),
  docker(`${kind} ls --format {{.Name}} --filter label=a`),
  docker(`${kind} ls --format {{.Name}} --filter label=a=b`),
  docker(`${kind} ls --format {{.Name}} --filter label=a=x`),
  docker(`${kind} ls --format {{.Name}} --filter id=$${kind}Other`),
  docker(`${kind} ls --filter colour=red`),
  docker(`${kind} inspect key other.key_2-x templated`),
  docker(`${kind} inspect --pretty key`),
  docker(`${kind} inspect $${kind}Key --format {{.Spec.Name}}`),
  docker(`${kind} inspect KEY --format {{.Spec.Name}}`),
  docker(`${kind} inspect nothing`),
  docker(`${kind} rm nothing`),
  api(`GET /${kind}s`, { unordered: true }),
  api(`GET /${kind}s?filters={"names":["key"]}`),
  api(`GET /${kind}s?filters={"name":["key","o"]}`, { unordered: true }),
  api(`GET /${kind}s/nothing`),
  api(`POST /${kind}s/create`, { body: { Name: "raw", Data: DATA, Labels: { x: "y" } } }),
  api(`GET /${kind}s/raw`),
  api(`POST /${kind}s/create`, { body: { Name: "raw", Data: DATA } }),
  api(`POST /${kind}s/create`, { body: { Data: DATA } }),
  api(`POST /${kind}s/create`, { body: { Name: "nodata" } }),
  api(`POST /${kind}s/create`, { body: { Name: "bad", Data: "not base64!" } }),
  api(`POST /${kind}s/create`, { body: { Name: 5 } }),
  api(`POST /${kind}s/create`, { body: "{" }),
  api(`POST /${kind}s/create`),
  api(`POST /${kind}s/raw/update?version=1`, { body: { Name: "raw", Labels: {} } }),
  api(`POST /${kind}s/raw/update?version=1`, { body: { Name: "raw", Data: OTHER_DATA } }),
  api(`POST /${kind}s/raw/update?version=1`, { body: { Name: "other" } }),
  api(`POST /${kind}s/raw/update`, { body: { Name: "raw" } }),
  api(`POST /${kind}s/nothing/update?version=1`, { body: { Name: "raw" } }),
  api(`GET /${kind}s/raw`, { capture: { [`${kind}Version`]: "Version.Index" } }),
  api(`POST /${kind}s/raw/update?version=$${kind}Version`, { body: { Name: "raw", Labels: { new: "label" } } }),
  api(`GET /${kind}s/raw`),
  api(`DELETE /${kind}s/raw`),
  api(`DELETE /${kind}s/raw`),
];

export const secrets = transcript("secrets", [
  ...sameCalls("secret", 512_000),
  docker("secret rm key other.key_2-x templated strange"),
  docker("secret ls --quiet"),
]);

export const configs = transcript("configs", [
  ...sameCalls("config", 1_024_000),
  docker("config rm key other.key_2-x templated strange"),
  docker("config ls --quiet"),
]);
