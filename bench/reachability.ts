import { fileURLToPath } from "node:url";
import { run } from "#lab/command.ts";
import type { LabHost } from "#lab/host.ts";
import { PROBE_PORT } from "#lab/images-programs.ts";
import type { Lab } from "#lab/lab.ts";
import type { Figure } from "./figure.ts";
import type { Place } from "./load.ts";
import { poll } from "./poll.ts";
import { median } from "./statistics.ts";

const PROGRAM = fileURLToPath(new URL("./reach-program.ts", import.meta.url));
/** How often a task comes up. */
const TRIALS = 20;
const SERVICE = "reach";
const HEALTH = ["--health-cmd", `nc 127.0.0.1 ${PROBE_PORT} < /dev/null`, "--health-interval", "100ms"];

/**
 * How long it takes from the moment in which the engine calls a task healthy until its service answers on all hosts:
 * on each, a container tries the virtual address every few ms.
 */
export async function measureReachability(
  lab: Lab,
  network: string,
  image: string,
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const [manager] = lab.hosts;
  if (manager === undefined) throw new Error("the lab has no hosts");
  const create = ["service", "create", "--name", SERVICE, "--network", network, "--replicas", "0", "--detach"];
  await manager.flotilla([...create, ...HEALTH, "--update-monitor", "100ms", image], signal);
  const virtualIP = await untilVirtualIP(manager, signal);
  const places: Place[] = [];
  for (const host of lab.hosts) places.push(await guest(host, network, image, signal));
  const times: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const since = Date.now();
    const reached = places.map((place) => firstAnswer(place, virtualIP, signal));
    await manager.flotilla(["service", "scale", "--detach", `${SERVICE}=1`], signal);
    const last = Math.max(...(await Promise.all(reached)));
    times.push(last - (await healthyAt(lab, since, signal)));
    await manager.flotilla(["service", "scale", `${SERVICE}=0`], signal);
  }
  await manager.flotilla(["service", "rm", SERVICE], signal);
  for (const host of lab.hosts) await host.flotilla(["rm", "--force", "reach-guest"], signal);
  return [
    { name: "healthy until reachable on all nodes", unit: "ms", ours: median(times) },
    { name: "  the longest of 20", unit: "ms", ours: Math.max(...times), target: { most: 250 } },
  ];
}

/** The address is there when the allocator has seen the service, a moment after its creation. */
async function untilVirtualIP(manager: LabHost, signal: AbortSignal): Promise<string> {
  const format = "{{range .Endpoint.VirtualIPs}}{{.Addr}}{{end}}";
  let address = "";
  const look = async () => {
    const found = await manager.flotilla(["service", "inspect", "--format", format, SERVICE], signal);
    [address = ""] = found.trim().split("/");
    return address !== "";
  };
  await poll(`the virtual address of ${SERVICE}`, look, signal);
  return address;
}

/** A container on the network that is no task. */
async function guest(host: LabHost, network: string, image: string, signal: AbortSignal): Promise<Place> {
  const where = ["-e", `constraint:node==${host.name}`];
  const options = ["--detach", "--name", "reach-guest", "--network", network, ...where];
  await host.flotilla(["run", ...options, image], signal);
  const pid = (await host.docker(["inspect", "--format", "{{.State.Pid}}", "reach-guest"], signal)).trim();
  return { enter: (argv) => host.enter(["nsenter", `--target=${pid}`, "--net", "--", ...argv]) };
}

/** When the first connection that was answered began, in ms since 1970. */
const firstAnswer = async (place: Place, address: string, signal: AbortSignal): Promise<number> =>
  Number(await run({ argv: place.enter([process.execPath, PROGRAM, address, String(PROBE_PORT)]) }, signal));

/** When the engine that has the task called it healthy, in ms since 1970. */
async function healthyAt(lab: Lab, sinceMs: number, signal: AbortSignal): Promise<number> {
  const window = ["--since", String(sinceMs / 1_000), "--until", String(Date.now() / 1_000)];
  const filters = ["--filter", "event=health_status", "--format", "{{.TimeNano}} {{.Action}}"];
  const lists = await Promise.all(lab.hosts.map((host) => host.docker(["events", ...window, ...filters], signal)));
  const line = lists.flatMap((list) => list.split("\n")).find((event) => event.endsWith(" health_status: healthy"));
  if (line === undefined) throw new Error("no engine called a container healthy");
  return Number(line.split(" ")[0]) / 1e6;
}
