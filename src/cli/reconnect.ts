import { callApi, readReply, refusalOf } from "./api-client.ts";
import { until } from "./interrupt.ts";

/**
 * Tells a worker's daemon where a manager of its cluster is now, and waits until the node has a session with it.
 * @throws FlotillaError with the daemon's message.
 */
export async function reconnect(address: string, host: string): Promise<void> {
  using interrupt = until("SIGINT", "SIGTERM");
  const path = `/flotilla/reconnect?addr=${encodeURIComponent(address)}`;
  const reply = await readReply(await callApi(host, { method: "POST", path }, interrupt.signal));
  if (reply.status !== 200) throw refusalOf(reply, host, "unavailable");
  process.stdout.write("This node is connected to its swarm again.\n");
}
