import type { NodeDescription } from "#model/spec.ts";
import {
  decodeAttachRequest,
  decodeLogs,
  encodeAssignments,
  encodeImageProgress,
  encodeSession,
  encodeSubscription,
} from "./agent-messages.ts";
import { AgentService as definition } from "./generated/flotilla/v1/agent_pb.ts";
import type { AgentService, StatusUpdate } from "./protocol.ts";
import { nodeDescription, statusUpdate } from "./report-shapes.ts";
import { callerOf, type WireService } from "./service.ts";
import { parseJson } from "./shape.ts";
import { endOnAbort, mapStream } from "./streams.ts";

/** Serves agents over the wire. What they send is checked here, before it reaches the service. */
export const agentRoutes = (agents: AgentService): WireService => ({
  service: definition,
  access: ["worker", "manager"],
  register(router) {
    router.service(definition, {
      session(request, context) {
        const { signal } = context;
        const messages = agents.session(callerOf(context), parseDescription(request.descriptionJson), signal);
        return endOnAbort(mapStream(messages, encodeSession), signal);
      },
      async describe(request, context) {
        const description = parseDescription(request.descriptionJson);
        await agents.describe(callerOf(context), request.sessionId, description, context.signal);
        return {};
      },
      async heartbeat(request, context) {
        const periodMs = await agents.heartbeat(callerOf(context), request.sessionId, context.signal);
        return { periodMs: Math.round(periodMs) };
      },
      assignments(request, context) {
        const { signal } = context;
        const messages = agents.assignments(callerOf(context), request.sessionId, signal);
        return endOnAbort(encodeAssignments(messages), signal);
      },
      async updateTaskStatus(request, context) {
        const updates = request.updatesJson.map((json) => parseJson<StatusUpdate>(json, statusUpdate, "update"));
        await agents.updateTaskStatus(callerOf(context), request.sessionId, updates, context.signal);
        return {};
      },
      async networksApplied(request, context) {
        await agents.networksApplied(callerOf(context), request.sessionId, request.resultsIn, context.signal);
        return {};
      },
      async attachNetwork(request, context) {
        return await agents.attachNetwork(callerOf(context), decodeAttachRequest(request), context.signal);
      },
      async detachNetwork(request, context) {
        await agents.detachNetwork(callerOf(context), request.taskId, context.signal);
        return {};
      },
      bringImage({ image, pullFailed }, context) {
        const { signal } = context;
        const progress = agents.bringImage(callerOf(context), { image, pullFailed }, signal);
        return endOnAbort(mapStream(progress, encodeImageProgress), signal);
      },
      logSubscriptions(_request, context) {
        const subscriptions = agents.logSubscriptions(callerOf(context), context.signal);
        return endOnAbort(mapStream(subscriptions, encodeSubscription), context.signal);
      },
      async publishLogs(requests, context) {
        await agents.publishLogs(callerOf(context), mapStream(requests, decodeLogs), context.signal);
        return {};
      },
    });
  },
});

const parseDescription = (json: Uint8Array): NodeDescription => parseJson(json, nodeDescription, "description");
