import type { IncomingMessage } from "node:http";
import type { ApiContext } from "#api/call.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { engineRefusal, readJson } from "#api/engine-json.ts";
import type { EngineCall } from "#api/engine-link.ts";
import { textField } from "#api/raw-document.ts";
import { withDeadline } from "#base/abort.ts";
import { FlotillaError } from "#base/errors.ts";
import { parseJsonLines } from "#engine/json-lines.ts";
import type { NodeId } from "#model/ids.ts";
import type { ContainerPlace } from "#model/objects.ts";

/** An engine that takes longer is asked again later: much work for one that is busy, and nothing for one that hangs. */
const CALL_MS = 30_000;
/** Other containers wait for a pull: a registry that hangs must not hold them up for good. */
const PULL_MS = 300_000;

/** A container as its engine shows it; undefined when the engine has it no more. @throws FlotillaError */
export const inspect = (
  api: ApiContext,
  { nodeId, containerId }: ContainerPlace,
  signal: AbortSignal,
): Promise<Json | undefined> =>
  ask(api, nodeId, "engine", { method: "GET", path: `/containers/${containerId}/json` }, signal, (answer) =>
    answer.statusCode === 404 ? void answer.resume() : readJson<Json>(answer),
  );

/**
 * Removes a container, running or not; no error when it is gone. Its volumes stay, as they hold what it wrote last. By its
 * host's daemon, which gives back its places on networks of the cluster.
 * @throws FlotillaError
 */
export const remove = (api: ApiContext, { nodeId, containerId }: ContainerPlace, signal: AbortSignal): Promise<void> =>
  ask(api, nodeId, "daemon", { method: "DELETE", path: `/containers/${containerId}?force=1` }, signal, (answer) =>
    expect(answer, [204, 404]),
  );

/** Starts a container; no error when it runs. @throws FlotillaError */
export const start = (api: ApiContext, { nodeId, containerId }: ContainerPlace, signal: AbortSignal): Promise<void> =>
  ask(api, nodeId, "engine", { method: "POST", path: `/containers/${containerId}/start` }, signal, (answer) =>
    expect(answer, [204, 304]),
  );

/** Connects a container to one more network. @throws FlotillaError */
export const connect = (
  api: ApiContext,
  { nodeId, containerId }: ContainerPlace,
  network: { readonly name: string; readonly settings: Json },
  signal: AbortSignal,
): Promise<void> => {
  const path = `/networks/${encodeURIComponent(network.name)}/connect`;
  const body = { Container: containerId, EndpointConfig: network.settings };
  return ask(api, nodeId, "daemon", { method: "POST", path, body }, signal, (answer) => expect(answer, [200]));
};

/** Lets a host pull an image, without credentials. @throws FlotillaError */
export function pull(api: ApiContext, nodeId: NodeId, image: string, signal: AbortSignal): Promise<void> {
  const query = new URLSearchParams({ fromImage: image, ...(/[@:][^/]*$/.test(image) ? {} : { tag: "latest" }) });
  const call = { method: "POST", path: versioned(api, `/images/create?${query.toString()}`) };
  return withDeadline(api.clock, PULL_MS, `pulling ${image}`, signal, async (own) => {
    const answer = await api.engines.engineOf(nodeId).open(call, own);
    await expect(answer, [200]);
    for await (const line of parseJsonLines<Json>(answer)) {
      const failure = textField(line, "error");
      if (failure !== "") throw new FlotillaError("unavailable", failure);
    }
  });
}

const versioned = (api: ApiContext, path: string): string => `/v${api.engine.apiVersion}${path}`;

/** @throws FlotillaError as the engine refuses. */
async function expect(answer: IncomingMessage, statuses: readonly number[]): Promise<void> {
  if (!statuses.includes(answer.statusCode ?? 0)) throw await engineRefusal(answer);
}

/** @throws FlotillaError `unavailable` when it does not answer, at once when it was asked in vain before. */
async function ask<T>(
  api: ApiContext,
  nodeId: NodeId,
  service: "engine" | "daemon",
  { path, ...call }: EngineCall,
  signal: AbortSignal,
  read: (answer: IncomingMessage) => Promise<T> | T,
): Promise<T> {
  if (api.mirrors.isSilent(nodeId)) throw new FlotillaError("unavailable", "its engine does not answer");
  const { engines } = api;
  const target = service === "engine" ? engines.engineOf(nodeId) : engines.daemonOf(nodeId);
  return await withDeadline(api.clock, CALL_MS, "the engine's answer", signal, async (own) => {
    const answer = await target.open({ ...call, path: versioned(api, path) }, own);
    const value = await read(answer);
    answer.resume();
    return value;
  });
}
