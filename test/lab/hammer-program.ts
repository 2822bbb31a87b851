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

/** The body of an answer with status 200; undefined while it is not complete. */
function parseAnswer(text: string): string | undefined {
  const [head = "", body] = text.split("\r\n\r\n");
  if (body === undefined) return undefined;
  if (!head.includes(" 200 ")) throw new Error(`answer ${JSON.stringify(head.split("\r\n")[0])}`);
  const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
  return body.length < length ? undefined : body;
}

/** One request; resolves with the body of its answer. */
const ask = (address: string, port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ host: address, port });
    const fail = (why: string) => reject(new Error(`${why} (from port ${from})`));
    let from = 0;
    socket.setTimeout(order.timeoutMs, () => socket.destroy(new Error("no answer in time")));
    socket.setEncoding("latin1");
    socket.once("connect", () => {
      from = socket.localPort ?? 0;
      socket.write(REQUEST);
    });
    socket.on("data", (part) => {
      text += part;
      try {
        const body = parseAnswer(text);
        if (body === undefined) return;
        resolve(body);
        socket.end();
      } catch (err) {
        fail(String(err));
        socket.destroy();
      }
    });
    socket.once("error", (err) => fail(String(err)));
    socket.once("close", () => fail(`closed after ${text.length} bytes`));
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
