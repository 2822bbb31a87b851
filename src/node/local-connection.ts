import type { AgentService, Caller, ManagerConnection } from "#wire/protocol.ts";

/**
 * A manager's own agent speaks with it directly, under the identity that a connection would prove. The connection ends
 * when `life` aborts: the manager has stopped, and the agent turns to another one.
 */
export function connectLocally(agents: AgentService, caller: () => Caller, life: AbortSignal): ManagerConnection {
  const within = (signal: AbortSignal) => AbortSignal.any([signal, life]);
  return {
    session: (description, signal) => agents.session(caller(), description, within(signal)),
    describe: (sessionId, description, signal) => agents.describe(caller(), sessionId, description, within(signal)),
    heartbeat: (sessionId, signal) => agents.heartbeat(caller(), sessionId, within(signal)),
    assignments: (sessionId, signal) => agents.assignments(caller(), sessionId, within(signal)),
    updateTaskStatus: (sessionId, updates, signal) =>
      agents.updateTaskStatus(caller(), sessionId, updates, within(signal)),
    networksApplied: (sessionId, resultsIn, signal) =>
      agents.networksApplied(caller(), sessionId, resultsIn, within(signal)),
    attachNetwork: (request, signal) => agents.attachNetwork(caller(), request, within(signal)),
    detachNetwork: (taskId, signal) => agents.detachNetwork(caller(), taskId, within(signal)),
    bringImage: (request, signal) => agents.bringImage(caller(), request, within(signal)),
    logSubscriptions: (signal) => agents.logSubscriptions(caller(), within(signal)),
    publishLogs: (batches, signal) => agents.publishLogs(caller(), batches, within(signal)),
  };
}
