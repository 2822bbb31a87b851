import { type ErrorCode, FlotillaError } from "#base/errors.ts";

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "invalid",
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  409: "precondition",
  501: "unimplemented",
  503: "unavailable",
};

/** The engine's words for a name that is taken, by a container or a network; its status (409) is that of every conflict. */
const NAME_TAKEN = /name .* is already in use|network with name .* already exists/;

/** An engine's refusal: its HTTP status and body as the port's error, with the engine's own message. */
export function responseError(status: number, body: string): FlotillaError {
  const message = engineMessage(body) || `the container engine answered with HTTP status ${status}`;
  const code = status === 409 && NAME_TAKEN.test(message) ? "exists" : (CODES[status] ?? "internal");
  return new FlotillaError(code, message);
}

/** The `message` of the engine's error JSON; the body itself when it is none (a proxy's page, an old engine). */
function engineMessage(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) return String(parsed.message);
  } catch {
    // Not JSON: the text is the message.
  }
  return body.trim();
}
