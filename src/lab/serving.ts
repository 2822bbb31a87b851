import { request } from "node:http";
import { FlotillaError } from "#base/errors.ts";
import type { HostProcess } from "./host-process.ts";
import { until } from "./until.ts";

/** A cold engine starts in half a second here; with many images and a busy machine it takes much longer. */
const SERVING_MS = 60_000;

/** Whether `GET /_ping` on a unix socket is answered with 200, as an Engine API does that is ready. */
const answersPing = (socketPath: string, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    request({ socketPath, path: "/_ping", signal, agent: false }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode === 200));
    })
      .once("error", () => resolve(false))
      .end();
  });

/**
 * Waits until a process answers on its API socket.
 * @throws FlotillaError `internal` with the last lines of its log when it ends instead.
 */
export async function untilServing(process: HostProcess, socketPath: string, signal: AbortSignal): Promise<void> {
  const look = async () => {
    if (await answersPing(socketPath, signal)) return true;
    if (!process.isRunning) throw new FlotillaError("internal", `${process.title} has ended: ${process.logTail}`);
    return false;
  };
  await until(`the start of ${process.title}`, SERVING_MS, look, signal);
}
