import type { ApiContext, Call } from "#api/call.ts";
import type { Answers } from "./ask-all.ts";
import { hostName } from "./nodes.ts";

/** Says in the answer which hosts are not in it, and why. Source of the form: RFC 7234, 5.5. */
export function missingWarning(api: ApiContext, call: Call, missing: Answers<unknown>["missing"]): void {
  if (missing.length === 0) return;
  const hosts = missing.map(
    ({ nodeId, reason }) => `${hostName(api, nodeId)} (${reason.replace(/[^\x20-\x7e]+/g, " ")})`,
  );
  call.response.setHeader("Warning", `199 flotilla ${JSON.stringify(`without ${hosts.join(", ")}`)}`);
}
