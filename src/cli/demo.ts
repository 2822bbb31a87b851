import { fileURLToPath } from "node:url";
import type { LabHost } from "#lab/host.ts";
import { SHOP_PREREQUISITES } from "#lab/images-shop.ts";
import type { Lab } from "#lab/lab.ts";
import { labNamespace } from "#lab/network.ts";
import { command, type Prerequisite } from "#lab/prerequisites.ts";
import { until } from "#lab/until.ts";

/** The docker CLI's context for the cluster that `flotilla up` makes. */
export const DEMO_CONTEXT = "flotilla";

/** The application that it deploys: a web tier, an API and a store, on two networks; a stack, deployed as any other. */
export const DEMO_STACK = "shop";

const COMPOSE_FILE = fileURLToPath(new URL("../../packaging/demo/compose.yml", import.meta.url));
/** The port that the compose file publishes. */
const PORT = 8080;
/** How long a dozen containers may take to start and become healthy on a busy machine, in ms. */
const START_MS = 180_000;

/** What the application needs besides what every lab does. */
export const DEMO_PREREQUISITES: readonly Prerequisite[] = [
  ...SHOP_PREREQUISITES,
  command("curl", "curl", "asking the application"),
];

/** Deploys the application through a manager, and waits until all of it runs. */
export async function deployDemo(manager: LabHost, signal: AbortSignal): Promise<void> {
  await manager.flotilla(["stack", "deploy", "--compose-file", COMPOSE_FILE, DEMO_STACK], signal);
  const list = ["stack", "services", "--format", "{{.Replicas}}", DEMO_STACK];
  const isUp = async () => {
    const replicas = (await manager.flotilla(list, signal)).trim().split("\n");
    return replicas.every((line) => /^(\d+)\/\1(?!\d)/.test(line));
  };
  await until(`the start of ${DEMO_STACK}: see \`docker stack ps ${DEMO_STACK}\``, START_MS, isUp, signal);
}

/** Commands to try on the application, the best first. */
export const demoCommands = (lab: Lab): readonly string[] => [
  // The hosts' network cannot be reached from this machine's own: this is a client in it that is none of the hosts.
  `ip netns exec ${labNamespace(lab.name)} curl http://${lab.hosts.at(-1)?.address}:${PORT}/   (any host will do)`,
  `docker stack services ${DEMO_STACK}`,
  `docker stack ps ${DEMO_STACK}`,
  `docker service scale ${DEMO_STACK}_api=6`,
  `docker service update --image flotilla/shop-api:2 ${DEMO_STACK}_api`,
  `docker service logs -f ${DEMO_STACK}_store`,
  `docker network inspect ${DEMO_STACK}_front`,
  `npm run flotilla -- why ${DEMO_STACK}_web`,
];
