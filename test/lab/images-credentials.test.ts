import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execute } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { REGISTRY_PREREQUISITE, startRegistry } from "#lab/registry.ts";
import { docker, eventually, openCluster, say, sceneWith, signal } from "./cluster.ts";

const PASSWORD = "pa55word-of-ann";
/** Made with `htpasswd -nbB -C 4`. */
const ACCOUNT = "ann:$2b$04$wQ5zsW.sq1pJD.VhvI9p1uhpsNic098bLPFGDASKFn5apCOQrnICu";

/** The text, and what is the same in any base64 of it, whatever comes before and after. */
const fragments: readonly string[] = [
  PASSWORD,
  ...["", "x", "xx"].map((before) =>
    Buffer.from(before + PASSWORD)
      .toString("base64")
      .slice(4, -4),
  ),
];

/** The files of a host's daemon, on its disk and in its memory, that have the password in them. */
async function findPassword(host: LabHost): Promise<string> {
  const patterns = fragments.flatMap((fragment) => ["-e", fragment]);
  const places = [join(host.data, "flotilla"), join(host.data, "log"), "/run/flotilla"];
  return (await host.exec(["grep", "--recursive", "--files-with-matches", "--text", ...patterns, ...places], signal))
    .stdout;
}

test("registry credentials of a service reach its nodes, and no disk", sceneWith([REGISTRY_PREREQUISITE]), async () => {
  await using cluster = await openCluster({ name: "imgcreds", hosts: 2 });
  const { manager } = cluster;
  const registry = await startRegistry(manager, signal, ACCOUNT);
  const config = mkdtempSync(join(tmpdir(), "flotilla-login-"));
  using _ = { [Symbol.dispose]: () => rmSync(config, { recursive: true }) };
  const auth = Buffer.from(`ann:${PASSWORD}`).toString("base64");
  writeFileSync(join(config, "config.json"), JSON.stringify({ auths: { [registry]: { auth } } }));
  const image = `${registry}/private:1`;
  const loggedIn = (...argv: readonly string[]) => {
    const client = ["docker", "--config", config, "--host", `unix://${manager.daemonSocket}`];
    return execute({ argv: [...client, ...argv] }, signal);
  };
  const run = ["service", "create", "--detach", "--quiet", "--mode", "global"];
  const command = [image, "sleep", "1000"];
  const statesOf = async (service: string) =>
    (await say(manager, "service", "ps", "--format", "{{.CurrentState}} {{.Error}}", service)).split("\n");

  await say(manager, "tag", "busybox", image);
  const pushed = await loggedIn("push", image);
  assert.equal(pushed.code, 0, pushed.stderr);
  await say(manager, "rmi", image);

  assert.equal((await docker(manager, ...run, "--name", "stranger", ...command)).code, 0);
  await eventually("a service without credentials gets no image", async () =>
    (await statesOf("stranger")).some((state) =>
      /Rejected.*no basic auth credentials|Rejected.*No such image/.test(state),
    ),
  );
  await say(manager, "service", "rm", "stranger");

  const created = await loggedIn(...run, "--name", "private", "--with-registry-auth", ...command);
  assert.equal(created.code, 0, created.stderr);
  await eventually("both nodes run it", async () => {
    const states = await statesOf("private");
    return states.length === 2 && states.every((state) => state.startsWith("Running"));
  });
  for (const host of cluster.lab.hosts) assert.equal(await findPassword(host), "", host.name);
  assert.doesNotMatch(await say(manager, "service", "inspect", "private"), new RegExp(fragments.join("|")));
  writeFileSync(join(manager.data, "flotilla", "control"), auth);
  assert.match(await findPassword(manager), /control/, "it would be found");
});
