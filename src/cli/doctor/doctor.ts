import { DEFAULT_SOCKET } from "#cli/daemon-options.ts";
import { until } from "#cli/interrupt.ts";
import { hasCommand } from "#lab/prerequisites.ts";
import type { HostFacts } from "./facts.ts";
import { gatherCluster } from "./gather-cluster.ts";
import { gatherEngine } from "./gather-engine.ts";
import { gatherKernel } from "./gather-kernel.ts";
import { gatherPorts, gatherRoutes } from "./gather-ports.ts";
import { type Finding, judge, type Verdict } from "./judge.ts";

export interface DoctorOptions {
  /** The Docker Engine of this host. */
  readonly engine: string;
  /** This host's own daemon, if it runs: it knows the other nodes. */
  readonly host: string | undefined;
  readonly json: boolean;
}

const MARKS: Readonly<Record<Verdict, string>> = { ok: "✔", notice: "!", problem: "✖", unknown: "?" };

/** Checks whether this host can be a node, and prints what it found. Sets the exit code to 1 if something is wrong. */
export async function runDoctor({ engine, host, json }: DoctorOptions): Promise<void> {
  using interrupt = until("SIGINT", "SIGTERM");
  const findings = judge(await gather(engine, host ?? DEFAULT_SOCKET, interrupt.signal));
  process.stdout.write(json ? `${JSON.stringify(findings, undefined, 2)}\n` : render(findings));
  if (findings.some(({ verdict }) => verdict === "problem")) process.exitCode = 1;
}

async function gather(engine: string, daemon: string, signal: AbortSignal): Promise<HostFacts> {
  const programs = { ip: hasCommand("ip"), bridge: hasCommand("bridge"), nft: hasCommand("nft") };
  const { dataPathPort, ...cluster } = await gatherCluster(daemon, signal);
  return {
    ...cluster,
    programs: { ...programs, conntrack: hasCommand("conntrack") },
    kernel: await gatherKernel(signal),
    engine: await gatherEngine(engine, signal),
    ports: programs.ip ? await gatherPorts(dataPathPort, signal) : [],
    routes: programs.ip ? await gatherRoutes(signal) : [],
  };
}

/** A line for each finding, and one that counts. */
export function render(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.map(({ verdict, subject, text }) => `${MARKS[verdict]} ${subject.padEnd(width)}  ${text}`);
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const counts = `problems: ${count("problem")}, notices: ${count("notice")}, not checked: ${count("unknown")}`;
  return `${lines.join("\n")}\n\n${counts}\n`;
}
