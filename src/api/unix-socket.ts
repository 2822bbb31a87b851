import { chown, lstat, mkdir, readFile, unlink } from "node:fs/promises";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { FlotillaError } from "#base/errors.ts";

/** All but owner and group are kept out from the moment that the socket exists. */
const UMASK = 0o117;
/** Members of this group may use the socket, when the group exists. Source: Docker. */
const SOCKET_GROUP = "docker";

/**
 * Listens on a unix socket: mode 0660, group `docker`. A socket file that nobody listens on any more is replaced.
 * @throws FlotillaError `precondition` when somebody does, or when the path is something else.
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await removeStale(path);
  const before = process.umask(UMASK);
  const listening = startListening(server, path);
  process.umask(before);
  await listening;
  const gid = await groupId(SOCKET_GROUP);
  if (gid !== undefined && process.getuid?.() === 0) await chown(path, 0, gid);
}

/** Binds before it returns; resolves when the server accepts. */
function startListening(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ path }, () => {
    server.off("error", reject);
    resolve();
  });
  return promise;
}

async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined);
  if (file === undefined) return;
  if (!file.isSocket()) {
    throw new FlotillaError("precondition", `cannot listen on ${path}: it exists and is no socket. Move it away`);
  }
  if (await isAlive(path)) {
    throw new FlotillaError(
      "precondition",
      `cannot listen on ${path}: another daemon does. Stop it, or give another address with -H`,
    );
  }
  await unlink(path);
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

async function groupId(name: string): Promise<number | undefined> {
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  const line = groups.split("\n").find((entry) => entry.startsWith(`${name}:`));
  const gid = Number(line?.split(":")[2] ?? "");
  return line !== undefined && Number.isInteger(gid) ? gid : undefined;
}
