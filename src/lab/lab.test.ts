import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { busyboxFiles, programFiles } from "./image-files.ts";
import { DEMO_PORT, labImages, loadImages } from "./images.ts";
import { Lab } from "./lab.ts";
import { labPaths } from "./paths.ts";
import { hasCommand, missing, PREREQUISITES } from "./prerequisites.ts";
import { pushImage, REGISTRY_PREREQUISITE, startRegistry } from "./registry.ts";
import { downAbandoned } from "./teardown.ts";
import { cgroupOf, tracesOf } from "./traces.ts";
import { until } from "./until.ts";

const { signal } = new AbortController();
/** Where the tests have to count, they run, and fail if they cannot. */
const maySkip = process.env["CI"] === undefined;
const skip =
  maySkip && (process.getuid?.() !== 0 ? "needs root" : missing(PREREQUISITES).length > 0 && "needs `flotilla up`");

/** Asks a web server, with no program but busybox; gives back the answer's body. */
const get = (address: string, port: number, path: string) => {
  const request = `printf 'GET %s HTTP/1.0\\r\\n\\r\\n' "$3" | busybox nc -w 5 "$1" "$2"`;
  return ["busybox", "sh", "-c", `${request} | busybox sed '1,/^.$/d'`, "get", address, String(port), path];
};

describe("a lab", { skip }, () => {
  const name = `t${process.pid}`;
  let lab: Lab;

  before(async () => {
    await downAbandoned(signal);
    lab = await Lab.start({ name, hosts: 2, temporary: true, engine: { "live-restore": true } }, signal);
    await loadImages(lab.hosts, await labImages(signal), signal);
  });
  after(async () => lab[Symbol.asyncDispose]());

  test("has hosts with a name, an engine and an identity of their own", async () => {
    const seen = lab.hosts.map(async (host) =>
      host.docker(["info", "--format", "{{.Name}} {{.Swarm.LocalNodeState}}"], signal),
    );
    assert.deepEqual(await Promise.all(seen), ["h1 inactive\n", "h2 inactive\n"]);
    const ids = await Promise.all(lab.hosts.map((host) => host.docker(["info", "--format", "{{.ID}}"], signal)));
    assert.equal(new Set(ids).size, 2);
    assert.equal(await lab.host("h1").run(["hostname"], signal), "h1\n");
  });

  test("has the same images on every engine", async () => {
    const list = ["images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"];
    const [first, second] = await Promise.all(lab.hosts.map((host) => host.docker(list, signal)));
    assert.deepEqual(first?.split("\n").toSorted(), second?.split("\n").toSorted());
    assert.match(first ?? "", /^busybox:latest sha256:/m);
    assert.match(first ?? "", /^flotilla\/demo:2 sha256:/m);
  });

  test("connects containers of one host with the other host, and clients with both", async () => {
    const [h1, h2] = [lab.host("h1"), lab.host("h2")];
    const publish = ["run", "--detach", "--name", "demo", "--hostname", "web", "--publish", `8080:${DEMO_PORT}`];
    await Promise.all([h1, h2].map((host) => host.docker([...publish, "flotilla/demo:1"], signal)));
    for (const [from, to] of [
      [h1, h2],
      [h2, h1],
    ] as const) {
      const page = await from.docker(["run", "--rm", "busybox", ...get(to.address, 8080, "/")], signal);
      assert.equal(page, "web runs version 1\n");
      const answer = await lab.run(get(to.address, 8080, "/cgi-bin/whoami"), signal);
      assert.equal(answer, "host=web\nversion=1\nclient=10.77.0.254\n");
    }
    await Promise.all([h1, h2].map((host) => host.docker(["stop", "demo"], signal)));
    assert.equal(await h1.docker(["inspect", "--format", "{{.State.ExitCode}}", "demo"], signal), "0\n");
  });

  test("lets nothing out", async () => {
    const outside = ["ip", "route", "get", "192.0.2.1"];
    for (const place of [lab, ...lab.hosts]) {
      const { code, stderr } = await place.exec(outside, signal);
      assert.notEqual(code, 0);
      assert.match(stderr, /unreachable/);
    }
  });

  test("lets an engine fail at once when it needs a name from outside", async () => {
    await assert.rejects(lab.host("h1").docker(["pull", "nothing"], signal), /connection refused/);
  });

  test("lets a container have a file from a tmpfs that was mounted in its host, and nobody else", async () => {
    const h1 = lab.host("h1");
    await h1.run(["mkdir", "-p", "/run/flotilla/secrets"], signal);
    await h1.run(["mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", "/run/flotilla/secrets"], signal);
    await h1.run(["sh", "-c", "echo hush > /run/flotilla/secrets/one"], signal);
    const bind = ["--volume", "/run/flotilla/secrets/one:/run/secrets/one:ro"];
    assert.equal(await h1.docker(["run", "--rm", ...bind, "busybox", "cat", "/run/secrets/one"], signal), "hush\n");
    assert.deepEqual(readdirSync(`${labPaths(name).run}/h1/flotilla/secrets`), []);
  });

  test("starts, freezes, restarts and ends processes, also for another command", async () => {
    const started = lab.host("h1").process("sleeper");
    await started.start(["sleep", "1000"], signal);
    const found = Lab.open(name).host("h1").process("sleeper");
    const first = found.pid;
    assert.equal(first, started.pid);
    found.freeze();
    const isStopped = () => /^State:\s+T/m.test(readFileSync(`/proc/${first}/status`, "utf8"));
    await until("the freeze", 5_000, isStopped, signal);
    found.thaw();
    await until("the thaw", 5_000, () => !isStopped(), signal);
    await found.restart(signal);
    assert.notEqual(found.pid, first);
    await assert.rejects(started.start(["sleep", "1"], signal), { code: "precondition" });
    await started.kill(signal);
    assert.equal(found.isRunning, false);
    assert.throws(() => found.freeze(), { code: "precondition" });
    await found.stop(signal);
  });

  test("says why an engine or another process did not start", async () => {
    const [h1, h2] = [lab.host("h1"), lab.host("h2")];
    await assert.rejects(h2.startEngine([], signal), {
      code: "precondition",
      message: "the engine of h2 runs already",
    });
    await h2.engine.stop(signal);
    await assert.rejects(h2.startEngine(["--no-such-flag"], signal), /unknown flag/);
    await h2.startEngine([], signal);
    const broken = h1.process("broken");
    await assert.rejects(broken.start(["no-such-program"], signal), /no-such-program/);
  });

  test("runs programs of this machine in an image", {
    skip: maySkip && !hasCommand("curl") && "needs curl",
  }, async () => {
    const layers = [await busyboxFiles(signal), await programFiles(["/usr/bin/curl"], signal)];
    await loadImages(lab.hosts, [{ names: ["tools:latest"], layers, entrypoint: ["/usr/bin/curl"] }], signal);
    assert.match(await lab.host("h1").docker(["run", "--rm", "tools", "--version"], signal), /^curl /);
  });

  test("pulls and plugs in a network cable", async () => {
    const [h1, h2] = [lab.host("h1"), lab.host("h2")];
    const ping = () => h1.exec(["busybox", "ping", "-c", "1", "-W", "1", h2.address], signal);
    await h2.disconnect(signal);
    assert.notEqual((await ping()).code, 0);
    await h2.reconnect(signal);
    await until("an answer", 10_000, async () => (await ping()).code === 0, signal);
  });

  test("keeps containers while an engine with live-restore is killed and started", async () => {
    const h2 = lab.host("h2");
    await h2.docker(["run", "--detach", "--name", "survivor", "busybox", "sleep", "1000"], signal);
    await h2.engine.kill(signal);
    await assert.rejects(h2.docker(["version"], signal), /Cannot connect/);
    await h2.startEngine([], signal);
    assert.equal(
      await h2.docker(["inspect", "--format", "{{.State.Running}} {{.RestartCount}}", "survivor"], signal),
      "true 0\n",
    );
  });

  test("loses a host at once, and gets it back with its disk but without its processes and its /run", async () => {
    const h2 = lab.host("h2");
    await h2.run(["touch", "/run/marker"], signal);
    await h2.powerOff(signal);
    assert.equal(h2.isOn, false);
    assert.equal(h2.engine.isRunning, false);
    const { containers } = await tracesOf(name, signal);
    assert.deepEqual(
      containers.filter(({ pid }) => cgroupOf(pid).includes("/h2/")),
      [],
    );
    await assert.rejects(h2.run(["true"], signal), { code: "precondition" });
    await h2.powerOn(signal);
    assert.equal(await h2.docker(["inspect", "--format", "{{.State.Running}}", "survivor"], signal), "false\n");
    assert.notEqual((await h2.exec(["test", "-e", "/run/marker"], signal)).code, 0);
    await lab.run(["busybox", "ping", "-c", "1", h2.address], signal);
  });

  test("runs a registry", { skip: maySkip && !REGISTRY_PREREQUISITE.isMet() && "needs docker-registry" }, async () => {
    const [h1, h2] = [lab.host("h1"), lab.host("h2")];
    const image = await pushImage(h1, "flotilla/demo:1", await startRegistry(h1, signal), signal);
    await h2.docker(["pull", "--quiet", image], signal);
    assert.match(
      await h2.docker(["inspect", "--format", "{{.RepoDigests}}", image], signal),
      /10\.77\.0\.1:5000\/.*@sha256:/,
    );
  });
});
