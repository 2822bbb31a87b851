import { request as httpsRequest } from "node:https";
import { withDeadline } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorMessage, FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { ExternalCA } from "#model/spec.ts";
import type { Credentials } from "#wire/identity.ts";
import { parseBundle } from "#wire/pem.ts";

/** How long one external CA may take. Source: fact sheet 7.3. */
const EXTERNAL_TIMEOUT_MS = 5_000;
/** The longest answer that is read. A chain of certificates is a few kilobytes. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** What CFSSL is asked to sign. The names are CFSSL's. */
export interface SigningRequest {
  readonly certificate_request: string;
  readonly hosts: readonly string[];
  readonly subject: { readonly CN: string; readonly names: readonly { readonly O?: string; readonly OU?: string }[] };
  readonly profile?: string;
  readonly extensions?: readonly { readonly id: string; readonly critical: boolean; readonly value: string }[];
}

export interface ExternalDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** What this manager shows to the external CA, whose own certificate must be under `root`. */
  readonly identity: () => Pick<Credentials, "key" | "chain">;
}

/**
 * Has a request signed by the first external CA that does.
 * @returns PEM: the certificate, and intermediates if the CA sent any.
 * @throws FlotillaError `unavailable` when none did, with what the last one said.
 */
export async function signExternally(
  deps: ExternalDeps,
  externals: readonly ExternalCA[],
  root: string,
  request: SigningRequest,
  signal: AbortSignal,
): Promise<string> {
  let last: unknown = new Error("none is configured");
  for (const { URL: url } of externals) {
    try {
      return await withDeadline(deps.clock, EXTERNAL_TIMEOUT_MS, `the external CA at ${url}`, signal, async (own) =>
        readCertificate(await post(url, { ...deps.identity(), root }, JSON.stringify(request), own)),
      );
    } catch (err) {
      signal.throwIfAborted();
      deps.log.warn({ err, url }, "external CA did not sign");
      last = err;
    }
  }
  throw new FlotillaError("unavailable", `no external CA signed: ${errorMessage(last)}`, { cause: last });
}

/** Whether any of the external CAs can be connected to, and shows a certificate under `root`. */
export async function isAnyReachable(
  deps: ExternalDeps,
  externals: readonly ExternalCA[],
  root: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const { URL: url } of externals) {
    try {
      await withDeadline(deps.clock, EXTERNAL_TIMEOUT_MS, `the external CA at ${url}`, signal, (own) =>
        post(url, { ...deps.identity(), root }, "{}", own),
      );
      return true;
    } catch (err) {
      signal.throwIfAborted();
      deps.log.warn({ err, url }, "external CA is unreachable or invalid");
    }
  }
  return false;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function post(
  url: string,
  tls: { readonly key: string; readonly chain: string; readonly root: string },
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const options = { method: "POST", headers, signal, agent: false, key: tls.key, cert: tls.chain, ca: tls.root };
  const request = httpsRequest(url, { ...options, minVersion: "TLSv1.2" }, (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error("the answer is too long"));
    });
    response.on("error", reject);
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
    );
  });
  request.on("error", reject);
  request.end(body);
  return promise;
}

/** CFSSL answers `{ success, result: { certificate }, errors: [{ code, message }] }`. */
function readCertificate({ status, body }: Answer): string {
  if (status !== 200) throw new Error(`unexpected status ${status}: ${body.slice(0, 200)}`);
  const answer: unknown = JSON.parse(body);
  const { success, result, errors } = asRecord(answer);
  const { certificate } = asRecord(result);
  if (success !== true || typeof certificate !== "string") {
    throw new Error(`the request was refused: ${JSON.stringify(errors ?? "no reason given")}`);
  }
  parseBundle(certificate);
  return certificate.endsWith("\n") ? certificate : `${certificate}\n`;
}

const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};
