import { FlotillaError } from "#base/errors.ts";
import type { LabHost } from "#lab/host.ts";
import type { ImageSpec } from "#lab/image-archive.ts";
import { labImages, loadImages } from "#lab/images.ts";
import { shopImages } from "#lab/images-shop.ts";
import { Lab } from "#lab/lab.ts";
import { ensurePrerequisites, PREREQUISITES } from "#lab/prerequisites.ts";
import { DEMO_CONTEXT, DEMO_PREREQUISITES, DEMO_STACK, demoCommands, deployDemo } from "./demo.ts";
import { createContext } from "./docker-context.ts";
import { takeDown } from "./down.ts";
import { until } from "./interrupt.ts";

export interface UpOptions {
  readonly hosts: number;
  /** Only the hosts with their daemons: the user makes the swarm. */
  readonly bare: boolean;
}

const MAX_HOSTS = 20;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Makes a cluster of hosts on this machine, runs the demo on it, and says what to type next. */
export async function up(options: UpOptions): Promise<void> {
  if (!Number.isInteger(options.hosts) || options.hosts < 1 || options.hosts > MAX_HOSTS) {
    throw new FlotillaError("invalid", `--hosts takes a whole number from 1 to ${MAX_HOSTS}`);
  }
  using interrupt = until("SIGINT", "SIGTERM");
  const { signal } = interrupt;
  await ensurePrerequisites([...PREREQUISITES, ...(options.bare ? [] : DEMO_PREREQUISITES)], say, signal);
  say(`Starting ${options.hosts} Docker hosts, each with its own engine and network …`);
  const lab = await Lab.start({ hosts: options.hosts }, signal).catch((err: unknown) => {
    if (err instanceof FlotillaError && err.code === "exists") {
      throw new FlotillaError("exists", "the cluster is up already, or what is left of one: run `npm run down` first");
    }
    throw err;
  });
  try {
    await populate(lab, options, signal);
  } catch (err) {
    await takeDown();
    throw err;
  }
}

async function populate(lab: Lab, options: UpOptions, signal: AbortSignal): Promise<void> {
  const [first, ...others] = lab.hosts;
  if (first === undefined) throw new FlotillaError("internal", "the lab has no hosts");
  const images = [...(await labImages(signal)), ...(options.bare ? [] : await shopImages(signal))];
  await loadImages(lab.hosts, images, signal);
  await Promise.all(lab.hosts.map((host) => host.startDaemon([], signal)));
  await createContext(DEMO_CONTEXT, `unix://${first.daemonSocket}`, signal);
  if (options.bare) return say(bareHelp(lab));
  say("Forming the swarm …");
  await formSwarm(first, others, signal);
  say(`Deploying the application ${DEMO_STACK} …`);
  await deployDemo(first, signal);
  say(`\n${(await first.flotilla(["node", "ls"], signal)).trimEnd()}`);
  say(`\n${(await first.flotilla(["stack", "ps", DEMO_STACK], signal)).trimEnd()}`);
  say(clusterHelp(lab, images));
}

/** Docker's own two commands, and a label for each host's zone: a, b, a, b, … */
async function formSwarm(first: LabHost, others: readonly LabHost[], signal: AbortSignal): Promise<void> {
  await first.flotilla(["swarm", "init", "--advertise-addr", first.address], signal);
  const token = (await first.flotilla(["swarm", "join-token", "--quiet", "worker"], signal)).trim();
  const join = ["swarm", "join", "--token", token, `${first.address}:2377`];
  await Promise.all(others.map((host) => host.flotilla(join, signal)));
  for (const [index, host] of [first, ...others].entries()) {
    const zone = index % 2 === 0 ? "a" : "b";
    await first.flotilla(["node", "update", "--label-add", `zone=${zone}`, host.name], signal);
  }
}

const clusterHelp = (lab: Lab, images: readonly ImageSpec[]): string => `
The cluster is up. Use it with the docker command you know:

  docker context use ${DEMO_CONTEXT}          (or: export DOCKER_HOST=unix://${lab.hosts[0]?.daemonSocket})
  docker node ls
${demoCommands(lab)
  .map((command) => `  ${command}`)
  .join("\n")}
  docker node update --availability drain ${lab.hosts.at(-1)?.name}

Images on every host: ${images.flatMap(({ names }) => names).join(", ")}.
Take everything down with: npm run down
`;

const bareHelp = (lab: Lab): string => `
The daemons are up, and in no swarm yet:

${lab.hosts.map((host) => `  ${host.name}  ${host.address}  docker -H unix://${host.daemonSocket}`).join("\n")}

Form the swarm as with Docker: docker swarm init --advertise-addr ${lab.hosts[0]?.address} on ${lab.hosts[0]?.name}, then the
join command that it prints on the others. Take everything down with: npm run down
`;
