/**
 * Sends datagrams from one and the same port until two seconds after the end of its standard input, and prints a line
 * with the version of each task when it first answers; at last one with the longest time without an answer in ms.
 * `udp-flow-program.ts ADDRESS PORT`.
 */
import { createSocket } from "node:dgram";
import { setTimeout } from "node:timers/promises";

const INTERVAL_MS = 20;
const LAST_MS = 2_000;

const [address = "", port = ""] = process.argv.slice(2);
const versions = new Set<string>();
let longestMs = 0;
let heard = Date.now();
let endsAt = Number.POSITIVE_INFINITY;
process.stdin.resume().once("end", () => (endsAt = Date.now() + LAST_MS));
const socket = createSocket("udp4").on("message", (answer) => {
  const version = answer.toString().trim().split(" ")[2] ?? "";
  if (!versions.has(version)) process.stdout.write(`${version}\n`);
  versions.add(version);
  longestMs = Math.max(longestMs, Date.now() - heard);
  heard = Date.now();
});
while (Date.now() < endsAt) {
  socket.send("who?", Number(port), address);
  await setTimeout(INTERVAL_MS);
}
process.stdout.write(`${longestMs}\n`);
socket.close();
