import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { callApi } from "#cli/api-client.ts";
import type { LabHost } from "#lab/host.ts";
import { RunningClient } from "./client.ts";
import { docker, eventually, openCluster, say, scene, signal } from "./cluster.ts";
import { formManagers } from "./managers.ts";

/** A client knows by then that its container's host is lost. */
const LOSS_MS = 6_000;
/** A question about all hosts is answered by then, whatever some of them do. */
const ANSWER_MS = 3_000;

const TICKING = [
  "--entrypoint",
  "sh",
  "busybox",
  "-c",
  "truncate -s 50G /big; while true; do echo tick; sleep 1; done",
];

const run = (on: LabHost, name: string, host: string) =>
  say(on, "run", "--detach", "--name", name, "-e", `constraint:node==${host}`, ...TICKING);

/** What lists, and what its answer leaves out must be said in. */
const LISTS = ["containers/json", "containers/json?all=1", "images/json", "volumes", "networks", "system/df"];

/** Asks for all lists at once; gives back what their warnings say. */
async function askAllLists(host: LabHost): Promise<readonly string[]> {
  const within = AbortSignal.timeout(ANSWER_MS);
  return await Promise.all(
    LISTS.map(async (path) => {
      const answer = await callApi(`unix://${host.daemonSocket}`, { path: `/v1.41/${path}` }, within);
      await text(answer);
      assert.equal(answer.statusCode, 200, path);
      return String(answer.headers["warning"]);
    }),
  );
}

const socketsOf = ({ pid = 0 }: { readonly pid: number | undefined }): number =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:");
    } catch {
      return false; // It was closed meanwhile.
    }
  }).length;

/** The first part of an archive with a file of 8 GB. */
function tarHead(): Buffer {
  const head = Buffer.alloc(512);
  for (const [at, value] of [
    [0, "huge"],
    [100, "0000644\0"],
    [124, "77777777777\0"],
    [148, "        "],
    [156, "0"],
    [257, "ustar\0" + "00"],
  ] as const) {
    head.write(value, at);
  }
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return head;
}

/**
 * Everything that a client may be at with a host's containers when the host is lost. Those that files are copied to and
 * from are others: engines let nobody else use them meanwhile.
 */
class Busy implements Disposable {
  readonly clients: ReadonlyMap<string, RunningClient>;
  readonly #host: LabHost;
  readonly #feeding: NodeJS.Timeout;

  static async begin(manager: LabHost, host: LabHost): Promise<Busy> {
    for (const name of ["on", "in", "out"]) await run(manager, `${name}-${host.name}`, host.name);
    return new Busy(manager, host);
  }

  private constructor(manager: LabHost, host: LabHost) {
    this.#host = host;
    const container = `on-${host.name}`;
    const upload = new RunningClient(manager, ["cp", "-", `in-${host.name}:/`], "pipe");
    upload.write(tarHead().toString("latin1"));
    this.#feeding = setInterval(() => upload.write("x".repeat(64 * 1024)), 20);
    this.clients = new Map([
      ["exec", new RunningClient(manager, ["exec", container, "sleep", "1000"])],
      ["logs", new RunningClient(manager, ["logs", "--follow", container])],
      ["attach", new RunningClient(manager, ["attach", "--no-stdin", container])],
      ["wait", new RunningClient(manager, ["wait", container])],
      ["cp in", upload],
      ["cp out", new RunningClient(manager, ["cp", `out-${host.name}:/big`, "-"], "ignore", "ignore")],
    ]);
  }

  async begun(): Promise<void> {
    const { name, data } = this.#host;
    await eventually("all are at it", async () => {
      const programs = await this.#host.docker(["top", `on-${name}`], signal);
      const files = await this.#host.run(["find", data, "-name", "huge", "-size", "+100k"], signal);
      const isHeard = ["logs", "attach"].every((each) => this.clients.get(each)?.stdout.includes("tick"));
      return isHeard && programs.includes("sleep 1000") && files !== "";
    });
  }

  /** Waits until each has ended with an error that says where, if its protocol can. */
  async failed(lostAt: number): Promise<void> {
    for (const [name, client] of this.clients) {
      await client.ended(lostAt + LOSS_MS - performance.now());
      assert.notEqual(client.exitCode, 0, name);
      if (!name.startsWith("cp")) assert.match(client.stderr, new RegExp(`\\b${this.#host.name}\\b`), name);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#feeding);
    for (const client of this.clients.values()) client[Symbol.dispose]();
  }
}

test("hosts are lost in the middle of everything", { ...scene, timeout: 200_000 }, async (t) => {
  await using cluster = await openCluster({ name: "onefault", hosts: 4 });
  const { manager, lab } = cluster;
  const [off, hanging, cut] = [lab.host("h2"), lab.host("h3"), lab.host("h4")];
  await eventually("all engines are known", async () => (await say(manager, "info")).match(/Healthy/g)?.length === 4);
  await askAllLists(manager);
  const quiet = socketsOf(manager.daemon);
  using events = new RunningClient(manager, ["events"]);
  using onOff = await Busy.begin(manager, off);
  using onHanging = await Busy.begin(manager, hanging);
  using onCut = await Busy.begin(manager, cut);
  for (const busy of [onOff, onHanging, onCut]) await busy.begun();

  await t.test("one that hangs: lists are answered without it, and say so", async () => {
    hanging.engine.freeze();
    hanging.daemon.freeze();
    const lostAt = performance.now();
    for (const warning of await askAllLists(manager)) assert.match(warning, /without h3 \(/);
    await onHanging.failed(lostAt);
  });

  await t.test("one that is cut off, and one that loses its power: clients are told which it was", async () => {
    // It cannot answer this before it is lost.
    off.engine.freeze();
    using creating = new RunningClient(manager, ["run", "--name", "pend", "-e", "constraint:node==h2", ...TICKING]);
    await setTimeout(500);
    const lostAt = performance.now();
    await Promise.all([off.engine.kill(signal).then(() => off.powerOff(signal)), cut.disconnect(signal)]);
    await Promise.all([onOff.failed(lostAt), onCut.failed(lostAt)]);
    await creating.ended(lostAt + LOSS_MS - performance.now());
    assert.match(creating.stderr, /\bh2\b/);
    assert.equal(events.hasEnded, false, "events of the others go on");
    await askAllLists(manager);
    assert.equal((await say(manager, "info")).match(/Unhealthy/g)?.length, 3);
  });

  await t.test("nothing is left behind of what was broken off", async () => {
    await say(manager, "run", "--detach", "--name", "pend", "-e", "constraint:node==h1", ...TICKING);
    await eventually("its start is told", () => /container start .*name=pend/.test(events.stdout));
    await eventually("connections to lost hosts are gone", () => socketsOf(manager.daemon) <= quiet);
  });

  await t.test("hosts that are back are used again", async () => {
    hanging.engine.thaw();
    hanging.daemon.thaw();
    await cut.reconnect(signal);
    for (const name of ["on-h3", "on-h4"]) {
      await eventually(`${name} is there`, async () => (await say(manager, "exec", name, "echo", "hi")) === "hi");
    }
  });
});

test("what an engine that hung makes late is removed", { ...scene, timeout: 120_000 }, async () => {
  await using cluster = await openCluster({ name: "onelate", hosts: 2 });
  const { manager } = cluster;
  const late = cluster.lab.host("h2");
  await eventually("all engines are known", async () => (await say(manager, "info")).match(/Healthy/g)?.length === 2);
  late.engine.freeze();
  using creating = new RunningClient(manager, ["create", "--name", "pend", "-e", "constraint:node==h2", ...TICKING]);
  await setTimeout(1_000);
  await late.disconnect(signal);
  await creating.ended(LOSS_MS);
  assert.match(creating.stderr, /node h2/);
  await run(manager, "pend", "h1");
  late.engine.thaw();
  await late.reconnect(signal);
  const made = () => late.docker(["ps", "--all", "--quiet", "--filter", "name=pend"], signal);
  await eventually(
    "the engine is followed",
    async () => (await docker(manager, "create", "--name", "next", "-e", "constraint:node==h2", "busybox")).code === 0,
  );
  await eventually("it is removed", async () => (await made()).trim() === "");
  assert.equal(await say(manager, "ps", "--all", "--filter", "name=pend", "--format", "{{.Names}}"), "pend");
});

test("a manager is lost through which other managers reach a host", { ...scene, timeout: 200_000 }, async () => {
  await using cluster = await openCluster({ name: "onelost", hosts: 4, formed: false });
  const [first, second, third, worker] = cluster.lab.hosts;
  assert.ok(first && second && third && worker);
  await formManagers([first, second, third], [worker]);
  await eventually("the worker's engine is known", async () => (await run(first, "far", "h4")) !== "");
  const connections = await worker.run(["ss", "-tnH", "state", "established", "dport", "2377"], signal);
  const via = [first, second, third].find(({ address }) => connections.includes(`${address}:2377`));
  const others = [first, second, third].filter((host) => host !== via);
  assert.ok(via && others[0]);
  using logs = new RunningClient(others[0], ["logs", "--follow", "far"]);
  await eventually("the log is read", () => logs.stdout.includes("tick"));
  await via.daemon.kill(signal);
  const within = AbortSignal.timeout(LOSS_MS);
  // A manager that was following the worker's engine through the lost one for the first time may not have seen it yet.
  const says = (host: LabHost) => host.flotilla(["exec", "far", "echo", "hi"], within).catch(() => "");
  await Promise.all(
    others.map((host) =>
      eventually(`it is reached through ${host.name}`, async () => (await says(host)) === "hi\n", LOSS_MS),
    ),
  );
  await logs.ended(LOSS_MS);
  assert.match(logs.stderr, /node h4/);
});
