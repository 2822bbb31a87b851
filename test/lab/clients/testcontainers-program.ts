/**
 * Uses a cluster as tests that are written with Testcontainers do. It has done its work when it ends without an error.
 *
 * Testcontainers asks for published ports at the host of the API, and connects containers that have aliases to their
 * network when it has created them. So what publishes ports, or is on a network of an engine, is kept on that host.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { GenericContainer, getContainerRuntimeClient, Network, Wait } from "testcontainers";

const on = (host: string) => ({ "com.docker.swarm.constraints": `["node==${host}"]` });
/** The host of the API. */
const HERE = on("h1");
const SLEEP = ["sleep", "1000"];
const FIND_STORE = ["timeout", "20", "sh", "-c", "until ping -c 1 -w 2 store; do sleep 0.1; done"];

/** Ready when the port answers, here and inside the container. */
async function publishPort(): Promise<void> {
  await using web = await new GenericContainer("flotilla/demo:1").withExposedPorts(80).withLabels(HERE).start();
  const ask = async () => (await fetch(`http://${web.getHost()}:${web.getMappedPort(80)}/`)).text();
  assert.match(await ask(), /runs version 1/);
  await web.restart();
  assert.match(await ask(), /runs version 1/);
}

async function useContainer(): Promise<void> {
  await using container = await new GenericContainer("busybox")
    .withCommand(["sh", "-c", "cat /etc/greeting; exec sleep 1000"])
    .withLabels(on("h2"))
    .withCopyContentToContainer([{ content: "hello\n", target: "/etc/greeting" }])
    .withWaitStrategy(Wait.forLogMessage("hello"))
    .start();
  const { output, stdout, stderr, exitCode } = await container.exec(["sh", "-c", "echo out; echo err >&2; exit 3"]);
  assert.deepEqual([stdout, stderr, exitCode], ["out\n", "err\n", 3], output);
  await container.copyContentToContainer([{ content: "later\n", target: "/tmp/later" }]);
  assert.match(await text(await container.copyArchiveFromContainer("/tmp/later")), /later\n/);
  const logs = await container.logs();
  const [line] = await once(logs, "data");
  assert.equal(String(line), "hello\n");
  logs.destroy();
}

async function waitInOtherWays(): Promise<void> {
  await using healthy = await new GenericContainer("flotilla/demo:1")
    .withHealthCheck({
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"],
      interval: 200,
      retries: 50,
    })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  assert.equal((await healthy.exec(["true"])).exitCode, 0);
  await using done = await new GenericContainer("busybox")
    .withCommand(["true"])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  assert.notEqual(done.getId(), healthy.getId());
}

/** Testcontainers asks for bridges, each of which belongs to one engine; its name may say to which. */
async function useNetwork(): Promise<void> {
  await using network = await new Network({ nextUuid: () => "h1/near" }).start();
  const networked = () => new GenericContainer("busybox").withCommand(SLEEP).withLabels(HERE).withNetwork(network);
  await using _store = await networked().withNetworkAliases("store").start();
  await using asker = await networked().start();
  assert.equal((await asker.exec(FIND_STORE)).exitCode, 0);
}

async function useNetworkOfTheCluster(): Promise<void> {
  const { network: networks } = await getContainerRuntimeClient();
  const network = await networks.create({ Name: "tests", Driver: "overlay", Attachable: true });
  {
    const networked = () => new GenericContainer("busybox").withCommand(SLEEP).withNetworkMode("tests");
    await using _store = await networked().withLabels(on("h3")).withNetworkAliases("store").start();
    await using asker = await networked().withLabels(on("h2")).start();
    assert.equal((await asker.exec(FIND_STORE)).exitCode, 0);
  }
  await networks.remove(network);
}

async function build(): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), "flotilla-build-"));
  try {
    writeFileSync(join(context, "Dockerfile"), 'FROM busybox\nRUN echo built > /made\nCMD ["sleep", "1000"]\n');
    const image = await GenericContainer.fromDockerfile(context).build("testcontainers:built");
    await using container = await image.start();
    assert.equal((await container.exec(["cat", "/made"])).stdout, "built\n");
  } finally {
    rmSync(context, { recursive: true });
  }
}

// Test runners keep their process going; a connection that is used a second time does not always.
const running = setInterval(() => undefined, 1_000);
for (const scene of [publishPort, useContainer, waitInOtherWays, useNetwork, useNetworkOfTheCluster, build]) {
  await scene();
}
clearInterval(running);
