import { readFileSync } from "node:fs";
import { execute, run } from "#lab/command.ts";
import type { PortFacts, Route } from "./facts.ts";

/** All that we make on a host is called so. */
const isOurDevice = (name: string): boolean => name.startsWith("fl-");

const DAEMON_PORT = 2377;
/** The port after the daemon's own: see `peerAddress`. */
const ETCD_PORT = DAEMON_PORT + 1;

interface LinkJson {
  readonly ifname: string;
  readonly linkinfo?: { readonly info_data?: { readonly port?: number } };
}

interface RouteJson {
  readonly dst: string;
  readonly dev: string;
}

/** Who has the ports that nodes use among themselves. `dataPath` is that of the tunnels. */
export async function gatherPorts(dataPath: number, signal: AbortSignal): Promise<readonly PortFacts[]> {
  return [
    {
      number: DAEMON_PORT,
      protocol: "tcp",
      use: "daemon to daemon, on managers",
      holder: await programOn("--tcp", DAEMON_PORT, signal),
    },
    {
      number: ETCD_PORT,
      protocol: "tcp",
      use: "etcd to etcd, on managers once there are several",
      holder: await programOn("--tcp", ETCD_PORT, signal),
    },
    {
      number: dataPath,
      protocol: "udp",
      use: "the tunnels of networks",
      holder: (await tunnelOn(dataPath, signal)) ?? (await programOn("--udp", dataPath, signal)),
    },
  ];
}

async function programOn(protocol: "--tcp" | "--udp", port: number, signal: AbortSignal): Promise<PortFacts["holder"]> {
  const options = ["--no-header", "--numeric", "--listening", "--processes", protocol];
  const { stdout } = await execute({ argv: ["ss", ...options, `sport = :${port}`] }, signal);
  if (stdout.trim() === "") return undefined;
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(stdout) ?? [];
  return {
    name: name === undefined ? "another program" : `${name} (pid ${pid})`,
    isOurs: isDaemon(Number(pid)) || isDaemon(parentOf(Number(pid))),
  };
}

/** The kernel has the port for tunnels, which several can share: one that is not ours is told first. */
async function tunnelOn(port: number, signal: AbortSignal): Promise<PortFacts["holder"]> {
  const { stdout } = await execute({ argv: ["ip", "-details", "-json", "link", "show", "type", "vxlan"] }, signal);
  const links = stdout.trim() === "" ? [] : (JSON.parse(stdout) as readonly LinkJson[]);
  const names = links.filter(({ linkinfo }) => linkinfo?.info_data?.port === port).map(({ ifname }) => ifname);
  const name = names.find((candidate) => !isOurDevice(candidate)) ?? names[0];
  return name === undefined ? undefined : { name: `the tunnel ${name}`, isOurs: isOurDevice(name) };
}

/** A daemon runs etcd as its child. */
function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
  } catch {
    return Number.NaN;
  }
}

function isDaemon(pid: number): boolean {
  try {
    return /\/cli\/main\.ts\0daemon\0/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
  } catch {
    return false;
  }
}

/** The host's routes but for those of our networks and the default route. */
export async function gatherRoutes(signal: AbortSignal): Promise<readonly Route[]> {
  const routes = JSON.parse(await run({ argv: ["ip", "-4", "-json", "route"] }, signal)) as readonly RouteJson[];
  return routes
    .filter(({ dst, dev }) => dst !== "default" && !isOurDevice(dev))
    .map(({ dst, dev }) => ({ destination: dst.includes("/") ? dst : `${dst}/32`, device: dev }));
}
