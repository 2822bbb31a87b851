/**
 * Asks web servers as fast as it can, a connection for each request, until its standard input ends and it has made the
 * number of requests that it was asked for; then prints a `HammerReport`. Runs inside a namespace: see `hammer.ts`.
 */
import { connect } from "node:net";
import type { HammerFailure, HammerOrder, HammerReport } from "./hammer.ts";

/** How many failures are told one by one. */
const MOST_TOLD = 1_000;
const REQUEST = "GET / HTTP/1.0\r\nHost: hammer\r\n\r\n";

const order = JSON.parse(process.argv[2] ?? "{}") as HammerOrder;
const answers: Record<string, number> = {};
const callers = new Set<string>();
const failures: HammerFailure[] = [];
let made = 0;
let failed = 0;
let slowestMs = 0;
let isTold = false;
process.stdin.resume().once("end", () => (isTold = true));

/** One request; resolves with the body of a complete answer with status 200. */
const ask = (address: string, port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: address, port });
    socket.setTimeout(order.timeoutMs, () => socket.destroy(new Error("no answer in time")));
    socket.setEncoding("latin1");
    socket.once("connect", () => socket.write(REQUEST));
    socket.on("data", (part) => (text += part));
    socket.once("error", reject);
    socket.once("close", () => {
      const [head = "", body = ""] = text.split("\r\n\r\n");
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      if (!head.includes(" 200 ")) reject(new Error(`answer ${JSON.stringify(head.split("\r\n")[0])}`));
      else if (body.length !== length) reject(new Error(`${body.length} of ${length} bytes`));
      else resolve(body);
    });
  });

async function work(): Promise<void> {
  while (!isTold || made < order.requests) {
    const address = order.addresses[made % order.addresses.length] ?? "";
    made += 1;
    const at = Date.now();
    try {
      const [task = "", caller = ""] = (await ask(address, order.port)).trim().split(" ");
      answers[task] = (answers[task] ?? 0) + 1;
      callers.add(caller);
    } catch (err) {
      failed += 1;
      if (failures.length < MOST_TOLD) failures.push({ at, address, why: String(err) });
    }
    slowestMs = Math.max(slowestMs, Date.now() - at);
  }
}

const began = Date.now();
await Promise.all(Array.from({ length: order.concurrency }, work));
const report: HammerReport = {
  requests: made,
  failed,
  failures,
  answers,
  callers: [...callers],
  slowestMs,
  tookMs: Date.now() - began,
};
process.stdout.write(JSON.stringify(report));
