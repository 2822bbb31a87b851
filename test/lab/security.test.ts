import assert from "node:assert/strict";
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Finished } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { type Cluster, eventually, openCluster, say, scene, signal } from "./cluster.ts";

const SECRET_NAME = "the-name-of-the-secret";
const SECRET_VALUE = "the value that nobody may read";
const AGENT = "flotilla.v1.AgentService";
const CERTIFICATES = "flotilla.v1.CertificateService";

/** Calls the manager's wire port as a plain HTTP client, with a certificate or without one. */
async function call(
  run: (argv: readonly string[], stop: AbortSignal) => Promise<Finished>,
  manager: LabHost,
  method: string,
  options: readonly string[] = [],
): Promise<{ status: number; body: string }> {
  const url = `https://${manager.address}:2377/${method}`;
  const headers = ["--header", "content-type: application/json", "--header", "connect-protocol-version: 1"];
  const post = [...headers, "--data", "{}", "--write-out", "\n%{http_code}"];
  const { stdout } = await run(["curl", "-sk", "--max-time", "3", "--http2", ...post, ...options, url], signal);
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
}

const certificateOf = (host: LabHost): readonly string[] => {
  const files = join(host.data, "flotilla/certificates");
  return ["--cert", join(files, "swarm-node.crt"), "--key", join(files, "swarm-node.key")];
};

/** What the host's processes see in a directory of theirs: path, mode and owner each. */
const filesIn = async (host: LabHost, path: string): Promise<readonly string[]> =>
  (await host.run(["find", path, "-mindepth", "1", "-printf", "%y %m %U:%G %p\n"], signal)).split("\n").slice(0, -1);

const filesOf = (root: string): readonly string[] =>
  globSync(`${root}/**`).filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());

async function onlyMembersGetIn({ lab, manager, workers }: Cluster): Promise<void> {
  const outside = lab.exec.bind(lab);
  for (const method of ["Describe", "Heartbeat", "UpdateTaskStatus"]) {
    const { status, body } = await call(outside, manager, `${AGENT}/${method}`);
    assert.equal(status, 401, `${method}: ${body}`);
  }
  const root = await call(outside, manager, `${CERTIFICATES}/RootCertificate`);
  assert.equal(root.status, 200, "the root is for everyone, who checks it against the token");
  const issue = await call(outside, manager, `${CERTIFICATES}/Issue`);
  assert.ok(issue.status >= 400, "no certificate without a token");
  const [worker] = workers;
  assert.ok(worker);
  const member = await call(worker.exec.bind(worker), manager, `${AGENT}/Heartbeat`, certificateOf(worker));
  assert.notEqual(member.status, 401, "a member is known");
  const versions = ["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"];
  assert.equal((await call(outside, manager, `${CERTIFICATES}/RootCertificate`, versions)).status, 0);
}

test("nobody gets at a cluster's secrets", scene, async (t) => {
  await using cluster = await openCluster({ name: "secure", hosts: 2 });
  const { manager, lab } = cluster;
  const [worker] = cluster.workers;
  assert.ok(worker);

  await t.test("the wire port is for members", () => onlyMembersGetIn(cluster));

  await t.test("state is for root alone", () => {
    for (const host of lab.hosts) {
      const root = join(host.data, "flotilla");
      assert.equal(statSync(root).mode & 0o777, 0o700);
      for (const file of filesOf(root)) {
        if (!file.endsWith(".crt")) assert.equal(statSync(file).mode & 0o777, 0o600, file);
      }
    }
    assert.equal(statSync(manager.daemonSocket).mode & 0o007, 0, "the API is not for everyone");
  });

  await t.test("a secret reaches its task, and no disk", async () => {
    const file = join(manager.data, "secret");
    await manager.run(["sh", "-c", `printf %s '${SECRET_VALUE}' > ${file}`], signal);
    await say(manager, "secret", "create", SECRET_NAME, file);
    const reference = `source=${SECRET_NAME},target=own,uid=7,gid=8,mode=0440`;
    const script =
      'stat -c "%a %u:%g" /run/secrets/own; cat /run/secrets/own; echo; trap "exit 0" TERM; sleep 1000 & wait';
    const create = ["service", "create", "--quiet", "--name", "keeper", "--mode", "global", "--secret", reference];
    await say(manager, ...create, "busybox", "sh", "-c", script);
    await eventually("every task has read it", async () => {
      const logs = await say(manager, "service", "logs", "--raw", "keeper");
      return logs.split("\n").filter((line) => line === "440 7:8").length === 2 && logs.includes(SECRET_VALUE);
    });
    await manager.run(["rm", file], signal);
    const forms = [SECRET_VALUE, Buffer.from(SECRET_VALUE).toString("base64").slice(0, 20)];
    for (const host of lab.hosts) {
      for (const path of filesOf(join(host.data, "flotilla")).concat(host.daemon.log)) {
        const content = readFileSync(path, "latin1");
        for (const form of forms) assert.ok(!content.includes(form), `${path} holds the secret`);
        if (path.includes("/store.db")) assert.ok(!content.includes(SECRET_NAME), `${path} holds the secret's name`);
      }
      const held = await filesIn(host, "/run/flotilla/payloads");
      assert.equal(held.filter((line) => line.startsWith("f 440 7:8")).length, 1, held.join("\n"));
      const type = await host.run(["sh", "-c", "stat -f -c %T /run/flotilla/payloads/*"], signal);
      assert.equal(type.trim(), "tmpfs");
    }
    const inspected = await say(manager, "secret", "inspect", SECRET_NAME);
    assert.ok(!inspected.includes(SECRET_VALUE) && !/"Data"/.test(inspected));
  });

  await t.test("nothing of it is left when its task is gone", async () => {
    await say(manager, "service", "rm", "keeper");
    for (const host of lab.hosts)
      await eventually("the files are gone", async () => (await filesIn(host, "/run/flotilla/payloads")).length === 0);
    await say(manager, "secret", "rm", SECRET_NAME);
  });

  await t.test("a removed node's certificate is worth nothing, at once", async () => {
    const shown = certificateOf(worker);
    const as = () => call(worker.exec.bind(worker), manager, `${AGENT}/Heartbeat`, shown);
    assert.doesNotMatch((await as()).body, /removed from swarm/);
    await say(manager, "node", "rm", "--force", worker.name);
    const { status, body } = await as();
    assert.equal(status, 403);
    assert.match(body, /was removed from swarm/);
  });
});
