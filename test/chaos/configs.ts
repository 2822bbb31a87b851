import { systemClock } from "#base/clock.ts";
import { type Random, randomInt } from "#base/random.ts";
import type { LabHost } from "#lab/host.ts";
import { call, describe, messageOf, outcomeOf } from "./api.ts";
import type { History } from "./history.ts";
import { pick } from "./pick.ts";

/** The first value of every register. */
export const FIRST = "0";
const REGISTERS = ["r0", "r1", "r2", "r3"] as const;

interface ConfigJson {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Labels: Readonly<Record<string, string>> };
}

/** A config whose label is a register. Versions make each of its updates an exchange. */
export async function createRegisters(host: LabHost): Promise<void> {
  for (const Name of REGISTERS) {
    const reply = await call(host, "POST", "/configs/create", { Name, Data: "eA==", Labels: { value: FIRST } });
    if (outcomeOf(reply) !== "done") throw new Error(`register ${Name} was not created: ${describe(reply)}`);
  }
}

/** Reads and changes registers at managers of its choice until `signal` aborts. */
export async function useRegisters(
  client: string,
  managers: readonly LabHost[],
  history: History,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  for (let count = 1; !signal.aborted; count++) {
    const name = pick(random, REGISTERS);
    const found = await readRegister(name, client, pick(random, managers), history);
    if (found !== undefined && random.next() < 0.5) {
      await exchange(found, name, `${client}.${count}`, client, pick(random, managers), history);
    }
    await systemClock.sleep(randomInt(random, 0, 100), signal).catch(() => undefined);
  }
}

/** One more read of every register at every manager. */
export async function readAllRegisters(managers: readonly LabHost[], history: History): Promise<void> {
  for (const host of managers) {
    for (const name of REGISTERS) await readRegister(name, "last", host, history);
  }
}

async function readRegister(
  name: string,
  client: string,
  host: LabHost,
  history: History,
): Promise<ConfigJson | undefined> {
  let found: ConfigJson | undefined;
  await history.read(name, `${client}@${host.name}`, async () => {
    const reply = await call(host, "GET", `/configs/${name}`);
    if (reply.type !== "answer" || reply.status >= 500 || history.noteOld(reply.mayBeOld)) return undefined;
    if (reply.status !== 200) return "absent";
    found = reply.body as ConfigJson;
    return found.Spec.Labels["value"] ?? "absent";
  });
  return found;
}

async function exchange(
  found: ConfigJson,
  name: string,
  to: string,
  client: string,
  host: LabHost,
  history: History,
): Promise<void> {
  const from = found.Spec.Labels["value"] ?? "absent";
  const path = `/configs/${found.ID}/update?version=${found.Version.Index}`;
  await history.write(name, `${client}@${host.name}`, { type: "exchange", from, to }, async () => {
    const reply = await call(host, "POST", path, { ...found.Spec, Labels: { value: to } });
    const outcome = outcomeOf(reply);
    if (outcome === "unknown") history.noteReason(reply.type === "answer" ? messageOf(reply) : describe(reply));
    return outcome;
  });
}
