import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Finding } from "#cli/doctor/judge.ts";
import type { LabHost } from "#lab/host.ts";
import { command } from "#lab/prerequisites.ts";
import { eventually, formSwarm, openCluster, say, sceneWith, signal } from "./cluster.ts";

const FLOTILLA = fileURLToPath(new URL("../../bin/flotilla", import.meta.url));
const DOCTOR_PREREQUISITES = [command("ping", "iputils-ping", "measuring the path between hosts")];

interface Diagnosis {
  readonly code: number;
  readonly findings: readonly Finding[];
}

async function examine(host: LabHost): Promise<Diagnosis> {
  const { code, stdout, stderr } = await host.exec([FLOTILLA, "doctor", "--json"], signal);
  assert.notEqual(stdout, "", stderr);
  return { code, findings: JSON.parse(stdout) as readonly Finding[] };
}

const find = ({ findings }: Diagnosis, subject: string): Finding | undefined =>
  findings.find((finding) => finding.subject.startsWith(subject));

test("the doctor examines hosts", sceneWith(DOCTOR_PREREQUISITES), async (t) => {
  await using cluster = await openCluster({ name: "doc", hosts: 2, formed: false });
  const { manager } = cluster;
  const [worker] = cluster.workers;
  assert.ok(worker);

  await t.test("a host that is fit and in no cluster", async () => {
    const { code, findings } = await examine(manager);
    assert.deepEqual(
      findings.filter(({ verdict }) => verdict === "problem"),
      [],
    );
    assert.equal(code, 0);
    assert.equal(find({ code, findings }, "port 2377/tcp")?.text, "free, for daemon to daemon, on managers");
    // The lab's own network, 10.77.0.0/24, is in Docker's default pool.
    assert.equal(find({ code, findings }, "address pool")?.verdict, "notice");
  });

  await t.test("an engine that is in a swarm of its own", async () => {
    await manager.docker(["swarm", "init", "--advertise-addr", manager.address], signal);
    const diagnosis = await examine(manager);
    assert.equal(diagnosis.code, 1);
    assert.match(find(diagnosis, "engine: swarm mode")?.text ?? "", /docker swarm leave/);
    assert.match(find(diagnosis, "port 2377/tcp")?.text ?? "", /dockerd \(pid \d+\) has it/);
    await manager.docker(["swarm", "leave", "--force"], signal);
  });

  await t.test("nodes of a cluster know each other", async () => {
    await formSwarm(manager, [worker]);
    const [ofManager, ofWorker] = [await examine(manager), await examine(worker)];
    for (const diagnosis of [ofManager, ofWorker]) {
      assert.equal(diagnosis.code, 0, JSON.stringify(diagnosis.findings));
      assert.equal(find(diagnosis, "path to")?.text, "takes packets of 1500 bytes");
    }
    assert.match(find(ofManager, "port 2377/tcp")?.text ?? "", /^in use/);
    assert.equal(find(ofWorker, "clock")?.text, `agrees with that of the manager at ${manager.address}:2377`);
  });

  await t.test("a second manager brings etcd", async () => {
    assert.match(find(await examine(manager), "port 2378/tcp")?.text ?? "", /^free/);
    await say(manager, "node", "promote", "h2");
    for (const host of [manager, worker]) {
      await eventually("etcd has its port", async () => {
        const { code, findings } = await examine(host);
        return code === 0 && find({ code, findings }, "port 2378/tcp")?.text.startsWith("in use");
      });
    }
  });

  await t.test("a path that takes only smaller packets", async () => {
    await worker.run(["ip", "link", "set", "eth0", "mtu", "1400"], signal);
    const diagnosis = await examine(worker);
    assert.equal(diagnosis.code, 1);
    assert.match(find(diagnosis, "path to")?.text ?? "", /takes no packets of 1500 bytes.*driver\.mtu/);
  });

  await t.test("a host without an engine", async () => {
    await worker.engine.stop(signal);
    const diagnosis = await examine(worker);
    assert.equal(diagnosis.code, 1);
    assert.match(
      find(diagnosis, "engine")?.text ?? "",
      /nobody answers at unix:\/\/\/var\/run\/docker\.sock: start it/,
    );
  });
});
