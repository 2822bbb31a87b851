import { after, before, describe } from "node:test";
import { containerContract } from "./contract-containers.ts";
import { endingContract } from "./contract-endings.ts";
import { logContract } from "./contract-logs.ts";
import { networkContract } from "./contract-networks.ts";
import { observingContract } from "./contract-observing.ts";
import { type EngineUnderTest, Subject } from "./contract-subject.ts";

const TIMEOUT_MS = 120_000;

/** What any `Engine` must do: the same assertions for the real one and for the fake. */
export function engineContract(name: string, open: () => Promise<EngineUnderTest>): void {
  describe(`engine contract: ${name}`, { timeout: TIMEOUT_MS }, () => {
    const subject = new Subject();
    before(async () => subject.use(await open()));
    after(async () => subject.opened[Symbol.asyncDispose]());
    containerContract(subject);
    networkContract(subject);
    observingContract(subject);
    logContract(subject);
    endingContract(subject);
  });
}
