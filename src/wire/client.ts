import { createClient } from "@connectrpc/connect";
import { LinkedAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import {
  decodeAssignments,
  decodeAttached,
  decodeImageProgress,
  decodeSession,
  decodeSubscription,
  encodeAttachRequest,
  encodeLogs,
} from "./agent-messages.ts";
import { dial, trustCluster } from "./dial.ts";
import { AgentService as definition } from "./generated/flotilla/v1/agent_pb.ts";
import type { Identity } from "./identity.ts";
import { encodeJson } from "./json.ts";
import { ATTACH_TIMEOUT_MS, CALL_TIMEOUT_MS } from "./limits.ts";
import type { ManagerConnection } from "./protocol.ts";
import { fromConnectError } from "./rpc-errors.ts";
import { mapStream, openStream } from "./streams.ts";

export interface ManagerTarget {
  /** `host:port`. */
  readonly addr: string;
  /** Who we are. A connection keeps the identity that it was made with; after a renewal the old one is still good. */
  readonly identity: Identity;
  readonly clock: Clock;
}

/**
 * An agent's connection to one manager. It is made with the first call, and proves both ends: the manager must be one
 * of our cluster. A peer that falls silent is noticed within a second; every call then fails with `unavailable`.
 * Disposal ends all calls.
 */
export function connectManager({ addr, identity, clock }: ManagerTarget): ManagerConnection & AsyncDisposable {
  const dialled = dial(addr, trustCluster(identity), clock);
  const client = createClient(definition, dialled.transport);
  const call = <T>(
    name: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
    ms = CALL_TIMEOUT_MS,
  ): Promise<T> => dialled.call({ what: `${name} at ${addr}`, ms }, signal, work);

  return {
    session: (description, signal) =>
      openStream(signal, (own) =>
        mapStream(client.session({ descriptionJson: encodeJson(description) }, { signal: own }), decodeSession),
      ),
    describe: (sessionId, description, signal) =>
      call("describe", signal, async (own) => {
        await client.describe({ sessionId, descriptionJson: encodeJson(description) }, { signal: own });
      }),
    heartbeat: (sessionId, signal) =>
      call("heartbeat", signal, async (own) => (await client.heartbeat({ sessionId }, { signal: own })).periodMs),
    assignments: (sessionId, signal) =>
      openStream(signal, (own) => decodeAssignments(client.assignments({ sessionId }, { signal: own }))),
    updateTaskStatus: (sessionId, updates, signal) =>
      call("updateTaskStatus", signal, async (own) => {
        await client.updateTaskStatus({ sessionId, updatesJson: updates.map(encodeJson) }, { signal: own });
      }),
    networksApplied: (sessionId, resultsIn, signal) =>
      call("networksApplied", signal, async (own) => {
        await client.networksApplied({ sessionId, resultsIn }, { signal: own });
      }),
    attachNetwork: (request, signal) =>
      call(
        "attachNetwork",
        signal,
        async (own) => decodeAttached(await client.attachNetwork(encodeAttachRequest(request), { signal: own })),
        ATTACH_TIMEOUT_MS,
      ),
    detachNetwork: (taskId, signal) =>
      call("detachNetwork", signal, async (own) => {
        await client.detachNetwork({ taskId }, { signal: own });
      }),
    bringImage: (request, signal) =>
      openStream(signal, (own) => mapStream(client.bringImage(request, { signal: own }), decodeImageProgress)),
    logSubscriptions: (signal) =>
      openStream(signal, (own) => mapStream(client.logSubscriptions({}, { signal: own }), decodeSubscription)),
    async publishLogs(batches, signal) {
      using own = new LinkedAbort(signal);
      try {
        await client.publishLogs(encodeLogs(batches), { signal: own.signal });
      } catch (err) {
        throw fromConnectError(err, signal);
      }
    },
    [Symbol.asyncDispose]: () => dialled[Symbol.asyncDispose](),
  };
}
