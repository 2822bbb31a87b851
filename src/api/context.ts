import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Mutex } from "#base/mutex.ts";
import type { Random } from "#base/random.ts";
import type { PlacementPolicy } from "#plan/place/policy.ts";
import type { ApiContext } from "./call.ts";
import { ClusterEvents } from "./cluster-events.ts";
import type { Json } from "./convert/meta-json.ts";
import type { EngineConnector } from "./engine-connector.ts";
import { EngineLink } from "./engine-link.ts";
import { AbandonedCreations } from "./engines/abandoned-creations.ts";
import { BuildHosts } from "./engines/build/build-hosts.ts";
import { ClusterEngines } from "./engines/cluster-engines.ts";
import { EngineMirrors } from "./engines/engine-mirrors.ts";
import { ExecDirectory } from "./engines/exec-directory.ts";
import { ImageCopies } from "./engines/image-copies.ts";
import { Placements } from "./engines/placements.ts";
import type { Membership } from "./membership.ts";

export interface ContextDeps {
  readonly membership: Membership;
  /** The engine of `membership.home`: this host's own, if it has one. */
  readonly engine: EngineConnector;
  /** What a manager without an engine of its own says of itself in `/info`; by default its engine is asked. */
  readonly info?: () => Json;
  /** How single containers are placed. */
  readonly policy: PlacementPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This product's version. */
  readonly version: string;
}

/** What the handlers of all calls have in common, until `signal` aborts. */
export function createContext({ engine: connector, ...deps }: ContextDeps, signal: AbortSignal): ApiContext {
  const engine = new EngineLink(connector, deps.clock, signal);
  const engines = new ClusterEngines({ ...deps, own: engine, life: signal });
  const mirrors = new EngineMirrors({ ...deps, engines });
  const parts = {
    engine,
    engines,
    mirrors,
    placements: new Placements(),
    abandoned: new AbandonedCreations({ ...deps, engines, mirrors }),
    execs: new ExecDirectory(),
    copies: new ImageCopies(),
    builds: new BuildHosts(deps.clock),
  };
  return { ...deps, ...parts, networkNames: new Mutex(), events: new ClusterEvents(deps), signal };
}
