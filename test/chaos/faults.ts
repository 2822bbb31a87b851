import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, type ProcessIdentity, signalProcess } from "#base/process-identity.ts";
import { type Random, randomInt } from "#base/random.ts";
import { untilServing } from "#lab/serving.ts";
import type { ChaosHost } from "./bed.ts";

/** Something that befalls a host. */
export interface Fault {
  readonly name: string;
  /** What of the host it takes: two faults that take the same do not overlap on one host. */
  readonly takes: readonly ("daemon" | "etcd" | "engine" | "cable" | "disk" | "clock")[];
  readonly managersOnly?: boolean;
  readonly begin: (host: ChaosHost, random: Random, signal: AbortSignal) => Promise<void>;
  readonly end: (host: ChaosHost, signal: AbortSignal) => Promise<void>;
}

/** By how much clocks jump, in seconds: less than a lease, longer than one, and an hour. */
const CLOCK_JUMPS = [-3_600, -5, -1, 1, 5, 3_600] as const;

export const FAULTS: readonly Fault[] = [
  {
    name: "daemon killed",
    takes: ["daemon"],
    begin: ({ host }, _random, signal) => host.daemon.kill(signal),
    end: restartDaemon,
  },
  {
    name: "daemon frozen",
    takes: ["daemon"],
    begin: async ({ host }) => host.daemon.freeze(),
    end: async ({ host }) => host.daemon.thaw(),
  },
  {
    name: "etcd killed",
    takes: ["etcd"],
    managersOnly: true,
    begin: async (host) => toEtcd(host, "SIGKILL"),
    end: async () => undefined, // its daemon starts it again
  },
  {
    name: "etcd frozen",
    takes: ["etcd"],
    managersOnly: true,
    begin: async (host) => toEtcd(host, "SIGSTOP"),
    end: async (host) => toEtcd(host, "SIGCONT"),
  },
  {
    name: "daemon and etcd frozen",
    takes: ["daemon", "etcd"],
    managersOnly: true,
    begin: async (host) => {
      host.host.daemon.freeze();
      toEtcd(host, "SIGSTOP");
    },
    end: async (host) => {
      toEtcd(host, "SIGCONT");
      host.host.daemon.thaw();
    },
  },
  {
    name: "daemon and etcd killed",
    takes: ["daemon", "etcd"],
    managersOnly: true,
    begin: async (host, _random, signal) => {
      await host.host.daemon.kill(signal);
      toEtcd(host, "SIGKILL");
    },
    end: restartDaemon,
  },
  {
    name: "cable pulled",
    takes: ["cable"],
    begin: ({ host }, _random, signal) => host.disconnect(signal),
    end: ({ host }, signal) => host.reconnect(signal),
  },
  {
    name: "nothing comes in",
    takes: ["cable"],
    begin: (host, _random, signal) => drop(host, "input", "iifname", signal),
    end: pass,
  },
  {
    name: "nothing goes out",
    takes: ["cable"],
    begin: (host, _random, signal) => drop(host, "output", "oifname", signal),
    end: pass,
  },
  {
    name: "disk full",
    takes: ["disk"],
    begin: async ({ host, dataRoot }, _random, signal) => {
      await host.run(["sh", "-c", `cat /dev/zero > ${dataRoot}/filler || true`], signal);
    },
    end: async ({ host, dataRoot }, signal) => void (await host.run(["rm", "-f", `${dataRoot}/filler`], signal)),
  },
  {
    name: "clock jumps",
    takes: ["clock"],
    begin: async ({ clockFile }, random) => {
      const seconds = CLOCK_JUMPS[randomInt(random, 0, CLOCK_JUMPS.length)] ?? 0;
      writeFileSync(clockFile, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    },
    end: async ({ clockFile }) => writeFileSync(clockFile, "+0\n"),
  },
  {
    name: "engine killed",
    takes: ["engine"],
    begin: ({ host }, _random, signal) => host.engine.kill(signal),
    end: async ({ host }, signal) => {
      await host.engine.restart(signal);
      await untilServing(host.engine, host.engineSocket, signal);
    },
  },
  {
    name: "engine frozen",
    takes: ["engine"],
    begin: async ({ host }) => host.engine.freeze(),
    end: async ({ host }) => host.engine.thaw(),
  },
];

async function restartDaemon({ host }: ChaosHost, signal: AbortSignal): Promise<void> {
  await host.daemon.restart(signal);
  await untilServing(host.daemon, host.daemonSocket, signal);
}

const TABLE = "chaos";

/** Drops all packets in one direction, from what the host's other rules say. */
async function drop(
  { host }: ChaosHost,
  hook: "input" | "output",
  match: "iifname" | "oifname",
  signal: AbortSignal,
): Promise<void> {
  const chain = `{ type filter hook ${hook} priority -400; ${match} "eth0" drop; };`;
  await host.run(["nft", `table inet ${TABLE} { chain ${hook} ${chain} }`], signal);
}

async function pass({ host }: ChaosHost, signal: AbortSignal): Promise<void> {
  await host.run(["nft", "delete", "table", "inet", TABLE], signal);
}

/** Signals the etcd of a host, if it runs: it is known by its data directory. */
function toEtcd({ dataRoot }: ChaosHost, name: NodeJS.Signals): void {
  const found = processesNaming(join(dataRoot, "etcd"));
  for (const etcd of found) signalProcess(etcd, name);
}

function processesNaming(path: string): readonly ProcessIdentity[] {
  const isEtcd = (pid: string): boolean => {
    try {
      const [program = "", ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return program.endsWith("etcd") && args.some((arg) => arg.includes(path));
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && isEtcd(entry))
    .flatMap((pid) => identify(Number(pid)) ?? []);
}
