/**
 * Keeps one connection to a web server open: asks once at the beginning, and again at the end of its standard input;
 * prints the
 * answers. `idle-program.ts ADDRESS PORT`. Fails when the connection was lost in between.
 */

import { once } from "node:events";
import { connect } from "node:net";

const ANSWER_MS = 5_000;
const [address = "", port = ""] = process.argv.slice(2);
const socket = connect({ host: address, port: Number(port) });
socket.setEncoding("latin1");
socket.once("close", () => process.exit(1));

async function ask(): Promise<string> {
  socket.write("GET / HTTP/1.1\r\nHost: idle\r\n\r\n");
  let text = "";
  while (!/\r\n\r\n.+\n$/s.test(text)) {
    const [part] = (await once(socket, "data", { signal: AbortSignal.timeout(ANSWER_MS) })) as [string];
    text += part;
  }
  return text.split("\r\n\r\n")[1] ?? "";
}

await once(socket, "connect", { signal: AbortSignal.timeout(ANSWER_MS) });
process.stdout.write(await ask());
process.stdin.resume();
await once(process.stdin, "end");
process.stdout.write(await ask(), () => process.exit(0));
