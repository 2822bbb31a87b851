import { open, readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { FlotillaError } from "#base/errors.ts";
import { callApi, readReply, refusalOf } from "./api-client.ts";
import { until } from "./interrupt.ts";

export interface RestoreFlags {
  readonly host: string;
  readonly advertiseAddr?: string;
  readonly listenAddr?: string;
  readonly dataPathAddr?: string;
  /** `-` for standard input. */
  readonly unlockKeyFile?: string;
}

/**
 * Makes this host's daemon the only manager of the cluster in a backup, and says what to do next.
 * @throws FlotillaError with the daemon's message.
 */
export async function restore(path: string, flags: RestoreFlags): Promise<void> {
  using interrupt = until("SIGINT", "SIGTERM");
  const { host } = flags;
  const file = await open(path).catch((cause: unknown) => {
    throw new FlotillaError("not_found", `${path} cannot be read`, { cause });
  });
  const unlockKey = await readUnlockKey(flags.unlockKeyFile);
  const query = new URLSearchParams({
    listen: flags.listenAddr ?? "",
    advertise: flags.advertiseAddr ?? "",
    dataPath: flags.dataPathAddr ?? "",
  });
  const headers = {
    "Content-Type": "application/x-tar",
    ...(unlockKey !== undefined && { "X-Flotilla-Unlock-Key": unlockKey }),
  };
  const target = `/flotilla/restore?${query.toString()}`;
  const body = file.createReadStream();
  const reply = await readReply(await callApi(host, { method: "POST", path: target, headers, body }, interrupt.signal));
  if (reply.status !== 200) throw refusalOf(reply, host, "unavailable");
  process.stdout.write(`This host is now the swarm's only manager.

Workers that find it at its old address are back by themselves. On each of the others run:

    flotilla reconnect ADDRESS-OF-THIS-HOST

Former managers are workers now: "docker swarm leave --force" and "docker swarm join" on each of them.
`);
}

async function readUnlockKey(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const content = path === "-" ? await text(process.stdin) : await readFile(path, "utf8");
  return content.trim();
}
