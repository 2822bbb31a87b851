import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { renameDurable } from "#base/atomic-file.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Manifest } from "#node/backup/format.ts";
import { readArchive } from "#node/backup/read-archive.ts";
import { callApi, readReply, refusalOf } from "./api-client.ts";
import { defaultApiHost } from "./api-host.ts";
import { until } from "./interrupt.ts";

/** Who has the file has the cluster. */
const MODE = 0o600;

/**
 * Writes a backup of the cluster to a file, reads it back to see that it is whole, and says what is in it. A file that
 * was there before stays until then.
 * @throws FlotillaError with the manager's message; `unavailable` when the file could not be written.
 */
export async function backUp(file: string, flags: { readonly host?: string }): Promise<void> {
  using interrupt = until("SIGINT", "SIGTERM");
  const { signal } = interrupt;
  const host = flags.host ?? (await defaultApiHost(signal));
  const answer = await callApi(host, { path: "/flotilla/backup" }, signal);
  if (answer.statusCode !== 200) throw refusalOf(await readReply(answer), host, "unavailable");
  const draft = `${file}.tmp`;
  let manifest: Omit<Manifest, "format">;
  try {
    await save(answer, draft);
    ({ manifest } = await readArchive(createReadStream(draft)));
    await renameDurable(draft, file);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new FlotillaError("unavailable", `no backup was made in ${file}`, { cause });
  }
  const { clusterId, revision, objects } = manifest;
  process.stdout.write(`Backup of swarm ${clusterId} at revision ${revision}: ${objects} objects in ${file}\n`);
  process.stdout.write("Keep it as safe as the swarm itself: without autolock, it holds the keys in the clear.\n");
}

/** The content is on disk when it resolves. */
async function save(answer: IncomingMessage, path: string): Promise<void> {
  await rm(path, { force: true });
  await pipeline(answer, createWriteStream(path, { mode: MODE, flush: true }));
}
