import type { ApiContext, Call, OwnAnswer } from "#api/call.ts";
import { tellEngine } from "#api/engine-json.ts";
import { errorMessage } from "#base/errors.ts";
import { LEADERSHIP_ID } from "#model/objects.ts";

/**
 * Lets the leader's manager answer a call that only one may decide: where a container goes, and what it is called. A
 * leader that cannot be reached, and the leader's own calls, are decided here.
 * @returns the leader's answer; undefined when this manager is to decide.
 */
export async function askLeader(
  api: ApiContext,
  call: Call,
  path: string,
  body?: unknown,
): Promise<OwnAnswer | undefined> {
  const leader = api.membership.cluster().view.get("leadership", LEADERSHIP_ID)?.nodeId;
  if (call.scope !== "cluster" || leader === undefined || leader === api.membership.local.nodeId) return undefined;
  const manager = api.engines.managerOf(leader);
  try {
    // Asked first, since a call that breaks off half-way must not be made a second time.
    await manager.ping(call.signal);
  } catch (err) {
    call.signal.throwIfAborted();
    api.log.warn({ err: errorMessage(err), leader }, "the leader was not asked where a container goes");
    return undefined;
  }
  return (await tellEngine(api, call, "POST", path, body, manager)).answer;
}
