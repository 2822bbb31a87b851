import type { ApiContext } from "#api/call.ts";
import { spreadTags } from "#api/engines/spread-tags.ts";
import { listTags } from "#api/engines/tag-list.ts";
import { errorMessage } from "#base/errors.ts";

/**
 * For a client that drives the builder of this host's engine itself, over a connection that shows nothing of what it
 * builds. Called before it begins.
 * @returns what to do when it is over: tags that mean other images by then mean them on every host.
 */
export async function watchOwnBuilds(api: ApiContext): Promise<() => Promise<void>> {
  const { engine, log, membership, signal } = api;
  const { home } = membership;
  const before = await listTags(engine, signal);
  return async () => {
    try {
      const moved = [...(await listTags(engine, signal))].filter(([tag, { id }]) => before.get(tag)?.id !== id);
      await spreadTags(
        api,
        moved.map(([tag]) => tag),
        home,
        signal,
      );
    } catch (err) {
      log.warn({ err: errorMessage(err) }, "other hosts may have older images than those that were built here");
    }
  };
}
