import { EngineClient } from "#engine/http-client.ts";
import type { LabHost } from "#lab/host.ts";
import { milliseconds } from "./statistics.ts";

/**
 * How long the engines themselves need to create and start `perHost` containers on each host, all at the same time,
 * with nothing but the calls that it takes. In ms.
 */
export async function startRawContainers(
  hosts: readonly LabHost[],
  image: string,
  perHost: number,
  signal: AbortSignal,
): Promise<number> {
  const engines = hosts.map((host) => new EngineClient(`unix://${host.engineSocket}`));
  const started: { readonly engine: EngineClient; readonly id: string }[] = [];
  const start = async (engine: EngineClient) => {
    const body = { Image: image };
    const { Id: id } = await engine.json<{ Id: string }>({ method: "POST", path: "/containers/create", body }, signal);
    started.push({ engine, id });
    await engine.json({ method: "POST", path: `/containers/${id}/start` }, signal);
  };
  try {
    for (const engine of engines) await engine.json({ method: "GET", path: "/version" }, signal);
    const all = engines.flatMap((engine) => Array.from({ length: perHost }, () => engine));
    return await milliseconds(() => Promise.all(all.map(start)));
  } finally {
    const query = { force: "1", v: "1" };
    const remove = ({ engine, id }: (typeof started)[number]) =>
      engine.json({ method: "DELETE", path: `/containers/${id}`, query }, signal);
    await Promise.all(started.map(remove));
    for (const engine of engines) engine[Symbol.dispose]();
  }
}
