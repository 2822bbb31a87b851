import type { AgentService, Caller, ManagerConnection } from "#wire/protocol.ts";

/** A manager's own agent speaks with it directly, under the identity that a connection would prove. */
export const connectLocally = (agents: AgentService, caller: () => Caller): ManagerConnection => ({
  session: (description, signal) => agents.session(caller(), description, signal),
  describe: (sessionId, description, signal) => agents.describe(caller(), sessionId, description, signal),
  heartbeat: (sessionId, signal) => agents.heartbeat(caller(), sessionId, signal),
  assignments: (sessionId, signal) => agents.assignments(caller(), sessionId, signal),
  updateTaskStatus: (sessionId, updates, signal) => agents.updateTaskStatus(caller(), sessionId, updates, signal),
  networksApplied: (sessionId, resultsIn, signal) => agents.networksApplied(caller(), sessionId, resultsIn, signal),
  attachNetwork: (request, signal) => agents.attachNetwork(caller(), request, signal),
  detachNetwork: (taskId, signal) => agents.detachNetwork(caller(), taskId, signal),
  logSubscriptions: (signal) => agents.logSubscriptions(caller(), signal),
  publishLogs: (batches, signal) => agents.publishLogs(caller(), batches, signal),
});
