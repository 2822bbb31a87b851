import { after, before, describe } from "node:test";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { Comparison } from "../parity/comparison.ts";
import { ONE_HOST_DIFFERENCES } from "../parity/one-host-differences.ts";
import { runTranscripts } from "../parity/run.ts";
import { ONE_HOST_TRANSCRIPTS } from "../parity/transcripts/one-host/all.ts";
import { eventually, formSwarm, say, scene, signal } from "./cluster.ts";
import { compareTranscripts } from "./compare-transcripts.ts";

/** The same calls to one bare engine and, through a manager, to a cluster of three hosts: docs/differences.md. */
describe("parity of a cluster with one engine", { ...scene, timeout: 10 * 60_000 }, () => {
  let lab: Lab;
  let comparison: Comparison;

  before(async () => {
    lab = await Lab.start({ name: `single${process.pid}`, hosts: 3, temporary: true }, signal);
    await loadImages(lab.hosts, await labImages(signal), signal);
    const manager = lab.host("h1");
    const engine = { socketOf: () => manager.engineSocket, values: new Map() };
    const docker = await runTranscripts(engine, ONE_HOST_TRANSCRIPTS, signal);
    // Whatever the host, the answers are the same.
    await Promise.all(lab.hosts.map((host) => host.startDaemon(["--strategy=random"], signal)));
    await formSwarm(
      manager,
      lab.hosts.filter((host) => host !== manager),
    );
    await eventually("all engines are known", async () => {
      const info = await say(manager, "info", "--format", "{{json .SystemStatus}}");
      return info.split('"Healthy"').length === lab.hosts.length + 1;
    });
    const cluster = { socketOf: () => manager.daemonSocket, values: new Map() };
    const flotilla = await runTranscripts(cluster, ONE_HOST_TRANSCRIPTS, signal);
    comparison = new Comparison(docker, flotilla, ONE_HOST_DIFFERENCES);
  });
  after(async () => lab?.[Symbol.asyncDispose]());

  compareTranscripts(ONE_HOST_TRANSCRIPTS, () => comparison);
});
