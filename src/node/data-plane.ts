import type { DataPlaneHooks } from "#agent/agent.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { DataPlane } from "#network/data-plane.ts";

interface Deps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** This host's data plane. Its code is loaded by nodes with networks only: it is a good part of their memory. */
export async function openDataPlane(deps: Deps, hooks: DataPlaneHooks): Promise<DataPlane> {
  const { createLinuxDataPlane } = await import("#network/linux-data-plane.ts");
  return createLinuxDataPlane({ ...deps, ...hooks });
}
