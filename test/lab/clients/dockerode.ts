import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { PassThrough, Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import Docker from "dockerode";
import { packFiles } from "#lab/image-files.ts";

const LABEL = "used-by=dockerode";
const LABELS = { "used-by": "dockerode" };
const SLEEPER = { Image: "busybox", Cmd: ["sleep", "1000"], Labels: LABELS };
const on = (host: string) => [`constraint:node==${host}`];

/** The two outputs of a container without a terminal, each as one text. */
async function outputs(docker: Docker, stream: NodeJS.ReadableStream): Promise<readonly [string, string]> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  const said = Promise.all([text(stdout), text(stderr)]);
  await once(stream, "end");
  stdout.end();
  stderr.end();
  return await said;
}

/** All that a build or a pull tells, once it is through. */
const progress = (docker: Docker, stream: NodeJS.ReadableStream): Promise<readonly Record<string, unknown>[]> =>
  new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (err, lines) => (err ? reject(err) : resolve(lines)));
  });

/** @param pullable an image that a registry has. */
export async function useDockerode(t: TestContext, socketPath: string, pullable: string): Promise<void> {
  const docker = new Docker({ socketPath });

  await t.test("the system", async () => {
    assert.equal(String(await docker.ping()), "OK");
    assert.match((await docker.version()).Version, /^\d+\./);
    const info = await docker.info();
    assert.equal(info.Swarm.Nodes, 3);
    assert.ok((await docker.df()).Images.length > 0);
  });

  await t.test("a container's input and outputs, attached before it starts", async () => {
    const Cmd = ["sh", "-c", "wc -c; echo done >&2; exit 4"];
    const options = { Image: "busybox", Cmd, Env: on("h2"), OpenStdin: true, StdinOnce: true, AttachStdin: true };
    const container = await docker.createContainer(options);
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    const said = outputs(docker, stream);
    await container.start();
    stream.end("x".repeat(100_000));
    assert.deepEqual(await said, ["100000\n", "done\n"]);
    assert.equal((await container.wait()).StatusCode, 4);
    await container.remove();
  });

  await t.test("run", async () => {
    const sink = new PassThrough();
    const said = text(sink);
    const [{ StatusCode }, container] = await docker.run("busybox", ["sh", "-c", "echo hi; exit 5"], sink, {
      Tty: true,
    });
    sink.end();
    assert.deepEqual([StatusCode, await said], [5, "hi\r\n"]);
    await container.remove();
    await assert.rejects(docker.getContainer("nobody").inspect(), { statusCode: 404, reason: "no such container" });
  });

  await t.test("a running container", async () => {
    const Cmd = ["sh", "-c", "echo ready; exec sleep 1000"];
    const container = await docker.createContainer({ ...SLEEPER, Cmd, name: "node-one", Env: on("h3") });
    await container.start();
    const logs = await container.logs({ follow: true, stdout: true, stderr: true });
    const [line] = (await once(logs, "data")) as [Buffer];
    assert.equal(line.toString("utf8", 8), "ready\n");

    const exec = await container.exec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
    const stream = await exec.start({ hijack: true, stdin: true });
    const said = outputs(docker, stream);
    stream.end("in and out\n");
    assert.deepEqual([await said, (await exec.inspect()).ExitCode], [["in and out\n", ""], 0]);

    const archive = await packFiles([{ path: "note", content: "kept\n" }]);
    await container.putArchive(archive, { path: "/tmp" });
    assert.match((await buffer(await container.getArchive({ path: "/tmp/note" }))).toString(), /kept\n/);
    const { headers } = (await container.infoArchive({ path: "/tmp/note" })).resume() as IncomingMessage;
    const stat = Buffer.from(String(headers["x-docker-container-path-stat"]), "base64").toString();
    assert.equal(JSON.parse(stat).size, 5);

    const stats = (await container.stats({ stream: true })) as Readable;
    assert.equal(JSON.parse(String((await once(stats, "data"))[0])).id, container.id);
    stats.destroy();
    const listed = await docker.listContainers({ filters: { label: [LABEL] } });
    assert.deepEqual(
      listed.map(({ Names }) => Names),
      [["/node-one", "/h3/node-one"]],
    );
    const waiting = new AbortController();
    const waited = assert.rejects(container.wait({ condition: "next-exit", abortSignal: waiting.signal }));
    waiting.abort();
    await waited;
    const { Id } = await container.commit({ repo: "dockerode", tag: "1" });
    assert.equal((await docker.getImage("dockerode:1").inspect()).Id, Id);
    const ended = once(logs, "end");
    await container.remove({ force: true });
    await ended;
  });

  await t.test("images", async () => {
    const image = docker.getImage("dockerode:1");
    await image.tag({ repo: "dockerode", tag: "2" });
    assert.ok((await image.history()).length > 1);
    const saved = await buffer(await docker.getImage("dockerode:2").get());
    for (const tag of ["1", "2"]) await docker.getImage(`dockerode:${tag}`).remove();
    await progress(docker, await docker.loadImage(Readable.from([saved])));
    const content = "FROM dockerode:2\nCOPY note /note\nRUN test -s /note\n";
    const context = await packFiles([
      { path: "Dockerfile", content },
      { path: "note", content: "built\n" },
    ]);
    const built = await progress(docker, await docker.buildImage(Readable.from([context]), { t: "dockerode:built" }));
    assert.ok(built.some(({ aux }) => aux !== undefined));
    const sink = new PassThrough();
    const said = text(sink);
    const [, container] = await docker.run("dockerode:built", ["cat", "/note"], sink, { Tty: true });
    sink.end();
    await container.remove();
    assert.equal(await said, "built\r\n");
    for (const tag of ["built", "2"]) await docker.getImage(`dockerode:${tag}`).remove();
    assert.deepEqual(await docker.listImages({ filters: { reference: ["dockerode"] } }), []);
  });

  await t.test("a pull tells of all hosts", async () => {
    const lines = await progress(docker, await docker.pull(pullable));
    const complete = lines.filter(({ status }) => status === "Pull complete").map(({ id }) => id);
    assert.ok(
      ["h2", "h3"].every((host) => complete.includes(host)),
      JSON.stringify(lines),
    );
    await docker.getImage(pullable).remove();
    await assert.rejects(async () => progress(docker, await docker.pull(pullable.replace(/:[^:]*$/, ":none"))));
  });

  await t.test("networks, volumes and events", async () => {
    const events = await docker.getEvents({ filters: { event: ["start"], label: [LABEL] } });
    const lines = createInterface({ input: events })[Symbol.asyncIterator]();
    const started = async () => JSON.parse((await lines.next()).value ?? "").Actor.Attributes.name;
    const network = await docker.createNetwork({
      Name: "node-net",
      Driver: "overlay",
      Attachable: true,
      Labels: LABELS,
    });
    const networked = { ...SLEEPER, HostConfig: { NetworkMode: "node-net" } };
    const first = await docker.createContainer({ ...networked, name: "node-first", Env: on("h1") });
    await first.start();
    assert.equal(await started(), "node-first");
    const second = await docker.createContainer({ ...SLEEPER, name: "node-second", Env: on("h2") });
    await network.connect({ Container: second.id, EndpointConfig: { Aliases: ["other"] } });
    await second.start();
    assert.equal(await started(), "node-second");
    (events as Readable).destroy();
    const Cmd = ["timeout", "20", "sh", "-c", "until ping -c 1 -w 2 other; do sleep 0.1; done"];
    const exec = await first.exec({ Cmd, AttachStdout: true });
    await text(await exec.start({ hijack: true }));
    assert.equal((await exec.inspect()).ExitCode, 0);
    await network.disconnect({ Container: second.id });
    await Promise.all([first.kill(), second.kill()]);
    const pruned = await docker.pruneContainers({ filters: { label: [LABEL] } });
    assert.deepEqual(pruned.ContainersDeleted.toSorted(), [first.id, second.id].toSorted());
    await network.remove();

    await docker.createVolume({ Name: "node-data", Labels: LABELS });
    const { Volumes } = await docker.listVolumes({ filters: { label: [LABEL] } });
    assert.deepEqual(
      Volumes.map(({ Name }) => Name),
      ["node-data"],
    );
    await docker.getVolume("node-data").remove();
  });
}
