import assert from "node:assert/strict";
import { test } from "node:test";
import { execute } from "#lab/command.ts";
import { loadImages } from "#lab/images.ts";
import { PROBE_PREREQUISITES, probeImages } from "#lab/images-programs.ts";
import { Lab } from "#lab/lab.ts";
import { Background } from "./background.ts";
import { eventually, sceneWith, signal } from "./cluster.ts";
import { Hammer, summary } from "./hammer.ts";
import { askFrom, PROBE, ProbeContainer } from "./probe.ts";

const program = (name: string) => [process.execPath, new URL(`./${name}-program.ts`, import.meta.url).pathname];

/** On a plain engine: what the scenes of networks measure with has to tell good from bad. */
test("clients of the network scenes notice what is lost", sceneWith(PROBE_PREREQUISITES), async (t) => {
  await using lab = await Lab.start({ name: `ham${process.pid}`, hosts: 1, temporary: true }, signal);
  await loadImages(lab.hosts, await probeImages(signal), signal);
  const host = lab.host("h1");
  const publish = ["--publish", "8080:80", "--publish", "5353:5353/udp"];
  const run = () => host.docker(["run", "--detach", "--rm", "--hostname", "probe", ...publish, PROBE], signal);
  const probe = new ProbeContainer(host, (await run()).trim());
  const url = `http://${host.address}:8080/`;
  await eventually("the probe answers", async () => (await askFrom(lab, url, 1)).length === 1);

  await t.test("a hammer has its number of requests answered", async () => {
    using hammer = new Hammer(lab, { addresses: [host.address], requests: 10_000 });
    const report = await hammer.finish();
    t.diagnostic(summary(report));
    assert.equal(report.failed, 0, JSON.stringify(report.failures.slice(0, 3)));
    assert.deepEqual([report.answers, report.callers], [{ probe: report.requests }, ["10.77.0.254"]]);
    assert.ok(report.requests >= 10_000);
  });

  await t.test("datagrams are answered, also to a container's own namespace", async () => {
    const ask = [...program("udp"), host.address, "5353", "3"];
    const { stdout } = await execute({ argv: lab.enter(ask) }, signal);
    assert.equal(stdout, "probe 10.77.0.254 1\n".repeat(3));
    const place = await probe.place();
    const own = await execute({ argv: place.enter([...program("udp"), "127.0.0.1", "5353", "1"]) }, signal);
    assert.equal(own.stdout, "probe 127.0.0.1 1\n", own.stderr);
  });

  await t.test("an idle connection is answered twice", async () => {
    using idle = new Background(lab, [...program("idle"), host.address, "8080"]);
    assert.equal(await idle.finish(), "probe 10.77.0.254 1\n".repeat(2));
  });

  await t.test("all of them fail when their server is killed", async () => {
    using idle = new Background(lab, [...program("idle"), host.address, "8080"]);
    await idle.began();
    using hammer = new Hammer(lab, { addresses: [host.address], requests: 20_000, timeoutMs: 500 });
    using flow = new Background(lab, [...program("udp-flow"), host.address, "5353"]);
    await flow.began();
    await host.docker(["kill", probe.id], signal);
    const report = await hammer.finish();
    assert.ok(report.failed > 0 && report.failures.length > 0, summary(report));
    assert.equal(await idle.finish(), "probe 10.77.0.254 1\n", "the second answer is missing");
    await host.docker(["run", "--detach", "--rm", ...publish, "flotilla/probe:2"], signal);
    assert.match(await flow.finish(), /^1\n2\n\d+\n$/);
  });
});
