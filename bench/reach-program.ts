/**
 * Tries to connect every few ms until a connection is accepted; prints when that one began, in ms since 1970.
 * `reach-program.ts ADDRESS PORT`. Runs inside a container's network: see `reachability.ts`.
 */
import { connect } from "node:net";

const INTERVAL_MS = 5;
/** A trial that takes longer does not count: the kernel repeats a lost packet only after a second. */
const TRIAL_MS = 500;

const [address = "", port = ""] = process.argv.slice(2);
setInterval(() => {
  const began = performance.timeOrigin + performance.now();
  const socket = connect({ host: address, port: Number(port) });
  socket.setTimeout(TRIAL_MS, () => socket.destroy());
  socket.on("error", () => undefined);
  socket.once("connect", () => process.stdout.write(`${began}`, () => process.exit(0)));
}, INTERVAL_MS);
