import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "#base/log.ts";
import { ManualClock } from "#base/manual-clock.ts";
import { seededRandom } from "#base/random.ts";
import type { NodeService } from "#model/node-network.ts";
import type { DataPlane } from "./data-plane.ts";
import { createLinuxDataPlane } from "./linux-data-plane.ts";
import type { NameService } from "./name-service.ts";
import { app, endpoint, H1, mesh, service, web } from "./testing/objects.ts";
import { RecordingHost } from "./testing/recording-host.ts";

class Bed implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly host = new RecordingHost();
  readonly listening: ReadonlyMap<string, string>[] = [];
  readonly plane: DataPlane;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(prepare: (host: RecordingHost) => void = () => undefined) {
    prepare(this.host);
    const names: NameService = {
      reset: () => undefined,
      change: () => undefined,
      listen: async (addresses) => {
        this.listening.push(addresses);
        return new Map();
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
    const { clock, host } = this;
    this.plane = createLinuxDataPlane({ clock, host, names, log: silentLogger, random: seededRandom(1) });
    this.#running = this.plane.run(this.#stop.signal).catch(() => undefined);
  }

  settled(): Promise<void> {
    return this.plane.settled(AbortSignal.timeout(5_000));
  }

  /** What the host's bridges are from now on. */
  setBridges(...bridges: readonly string[]): void {
    const rows = bridges.map((ifname, index) => ({
      ifindex: index + 2,
      ifname,
      flags: ["UP"],
      mtu: 1450,
      addr_info: [],
    }));
    this.host.answers.set("ip -json -details -batch -", { stdout: JSON.stringify(rows) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the test is over"));
    await this.#running;
  }
}

const transactions = (host: RecordingHost) => host.take("nft -f").map(({ input }) => input);

const others = Array.from(
  { length: 20 },
  (_, i): NodeService =>
    service(`other${i}`, { app: `10.0.1.${50 + i}` }, [endpoint(`other${i}.1`, H1, { app: `10.0.1.${150 + i}` })]),
);

test("at first all rules are loaded at once, then a change of a service is a transaction of its own", async () => {
  await using bed = new Bed();
  bed.plane.reset([mesh, app, web, ...others]);
  await bed.settled();
  assert.match(transactions(bed.host).join(), /^add table ip flotilla\ndelete table ip flotilla\n.*other19/s);
  bed.plane.change([{ type: "update", object: { ...web, endpoints: web.endpoints.slice(1) } }]);
  await bed.settled();
  const [change = "", ...more] = transactions(bed.host);
  assert.deepEqual(more, []);
  assert.match(change, /add rule ip flotilla virtual-4097-web dnat ip to 10\.0\.1\.12/);
  assert.doesNotMatch(change, /other/);
  bed.plane.change([{ type: "update", object: { ...web, endpoints: web.endpoints.slice(1) } }]);
  await bed.settled();
  assert.deepEqual(transactions(bed.host), [], "the same again is nothing to do");
});

test("a transaction that fails is made up for by loading all", async () => {
  await using bed = new Bed();
  bed.plane.reset([app]);
  await bed.settled();
  bed.host.take();
  const isWhole = (input: string) => input.startsWith("add table");
  const run = bed.host.run.bind(bed.host);
  bed.host.run = async (argv, signal, input) => {
    const finished = await run(argv, signal, input);
    return argv[0] === "nft" && !isWhole(input ?? "") ? { ...finished, code: 1, stderr: "No such file" } : finished;
  };
  bed.plane.change([{ type: "update", object: others[0] ?? web }]);
  await bed.settled();
  assert.deepEqual(transactions(bed.host).map(isWhole), [false, true]);
});

test("rules that somebody else has touched are loaded again", async () => {
  await using bed = new Bed();
  bed.plane.reset([app]);
  await bed.settled();
  bed.host.take();
  await bed.clock.advance(1_100);
  bed.host.print("nft monitor", "delete table ip flotilla", "# new generation 7 by process 1 (nft)");
  await bed.clock.settle();
  assert.equal(transactions(bed.host).length, 1);
});

test("a bridge that comes later is taken up when the kernel tells of it", async () => {
  await using bed = new Bed();
  bed.plane.reset([app, ...others]);
  await bed.settled();
  assert.deepEqual(bed.host.take("ip -force"), []);
  let isReady = false;
  const ready = bed.plane.ready("app", AbortSignal.timeout(5_000)).then(() => {
    isReady = true;
  });
  await bed.clock.advance(2_000);
  assert.equal(isReady, false);
  bed.setBridges("fl-br4097");
  bed.host.print("ip monitor", "5: fl-br4097: <UP> mtu 1500 qdisc noqueue state UP");
  await bed.clock.advance(200);
  await ready;
  assert.match(
    bed.host
      .take("ip -force")
      .map(({ input }) => input)
      .join(),
    /link add fl-vx4097 .*\n.*master fl-br4097/,
  );
});

test("a host without nft says which package to install, and goes on when it is there", async () => {
  await using bed = new Bed((host) => host.missing.add("nft"));
  bed.plane.reset([app]);
  await bed.settled();
  assert.match(bed.plane.problem("app") ?? "", /no command "nft", install the package nftables/);
  bed.host.missing.clear();
  await bed.clock.advance(10_000);
  assert.equal(bed.plane.problem("app"), undefined);
});

test("a host without br_netfilter says which module to load", async () => {
  await using bed = new Bed((host) => {
    host.writeSetting = async (path) => {
      if (path.includes("bridge-nf")) throw new Error("ENOENT");
    };
  });
  bed.plane.reset([app]);
  await bed.settled();
  assert.match(bed.plane.problem("app") ?? "", /modprobe br_netfilter/);
});

test("a network that collides with a route of the host says so, the others go on", async () => {
  await using bed = new Bed((host) =>
    host.answers.set("ip -json -4 route", { stdout: JSON.stringify([{ dst: "10.0.0.0/24", dev: "tun0" }]) }),
  );
  bed.plane.reset([mesh, app]);
  await bed.settled();
  await bed.clock.advance(1_500);
  assert.match(bed.plane.problem("mesh") ?? "", /this host reaches 10\.0\.0\.0\/24 by tun0/);
  assert.equal(bed.plane.problem("app"), undefined);
});

test("conntrack is asked to forget only when an endpoint is gone", async () => {
  await using bed = new Bed();
  bed.plane.reset([app, web]);
  await bed.settled();
  bed.host.take();
  bed.plane.change([{ type: "update", object: others[0] ?? web }]);
  await bed.settled();
  assert.deepEqual(bed.host.take("conntrack"), []);
  bed.host.answers.set("conntrack -L", {
    stdout:
      "udp 17 9 src=10.0.1.21 dst=10.0.1.2 sport=5 dport=80 src=10.0.1.11 dst=10.0.1.21 sport=80 dport=5 mark=0 use=1\n",
  });
  bed.plane.change([{ type: "update", object: { ...web, endpoints: web.endpoints.slice(1) } }]);
  await bed.settled();
  assert.deepEqual(
    bed.host.take("conntrack").map(({ command }) => command),
    ["-p udp", ...["SYN_SENT", "FIN_WAIT", "LAST_ACK", "CLOSE"].map((state) => `-p tcp --state ${state}`)].flatMap(
      (which) => [`conntrack -L ${which}`, `conntrack -D ${which} --reply-src 10.0.1.11`],
    ),
  );
});

test("our openings stand after users' rules in the engine's firewall, before its final return", async () => {
  const rules = ["-N DOCKER-USER", "-A DOCKER-USER -s 192.0.2.1/32 -j DROP", "-A DOCKER-USER -j RETURN"];
  await using bed = new Bed((host) => {
    host.answers.set("iptables -w -S", { stdout: rules.join("\n") });
    host.answers.set("iptables -w -C", { code: 1 });
  });
  bed.plane.reset([app]);
  await bed.settled();
  const inserted = bed.host.take("iptables -w -I").map(({ command }) => command);
  assert.equal(inserted.length, 2);
  for (const command of inserted) assert.match(command, /^iptables -w -I DOCKER-USER 2 /);
});

test("a quiet host is left alone, but for the engine's firewall", async () => {
  await using bed = new Bed((host) => host.answers.set("iptables -w -S", { code: 1 }));
  bed.setBridges("fl-br4097");
  bed.plane.reset([app, web]);
  await bed.settled();
  await bed.clock.advance(3_000);
  bed.host.take();
  await bed.clock.advance(60_000);
  const commands = new Set(bed.host.take().map(({ command }) => command.split(" ").slice(0, 3).join(" ")));
  assert.deepEqual([...commands], ["iptables -w -S"]);
  assert.equal(bed.host.watched, 2);
});
