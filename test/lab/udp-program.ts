/**
 * Sends datagrams from a new port each, and prints the answers, a line each: `udp-program.ts ADDRESS PORT TIMES`.
 * Fails when one is not answered in time.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";

const ANSWER_MS = 3_000;
const [address = "", port = "", times = "1"] = process.argv.slice(2);
for (let n = 0; n < Number(times); n++) {
  const socket = createSocket("udp4");
  socket.send("who?", Number(port), address);
  const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(ANSWER_MS) })) as [Buffer];
  process.stdout.write(answer);
  socket.close();
}
