import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Listening } from "./listening.ts";

/** Answers datagrams to an address, until it is disposed of. */
export async function listenUdp({ address, port, admit, respond, jobs }: Listening): Promise<AsyncDisposable> {
  const socket = createSocket("udp4");
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    socket.close();
  };
  socket.on("message", (message, source) => {
    // Nobody can be answered on port 0.
    if (source.port === 0 || !admit(source.address)) return;
    jobs.spawn("question", async (signal) => {
      const answer = await respond(message, source.address, signal);
      // Whether it arrives is the asker's concern, which asks again; so is an error of the way there.
      if (answer !== undefined && open) socket.send(answer, source.port, source.address, () => undefined);
    });
  });
  try {
    socket.bind(port, address);
    await once(socket, "listening");
  } catch (err) {
    close();
    throw err;
  }
  // Of a bound socket that is not connected, errors are of single datagrams.
  socket.on("error", () => undefined);
  return {
    async [Symbol.asyncDispose]() {
      close();
    },
  };
}
