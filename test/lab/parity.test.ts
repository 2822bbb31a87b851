import { after, before, describe } from "node:test";
import { labImages, loadImages } from "#lab/images.ts";
import { Lab } from "#lab/lab.ts";
import { missing, PREREQUISITES } from "#lab/prerequisites.ts";
import { downAbandoned } from "#lab/teardown.ts";
import { Comparison } from "../parity/comparison.ts";
import { EXPECTED_DIFFERENCES } from "../parity/expected-differences.ts";
import { runTranscripts } from "../parity/run.ts";
import { TRANSCRIPTS } from "../parity/transcripts/all.ts";
import { compareTranscripts } from "./compare-transcripts.ts";

const { signal } = new AbortController();
const obstacle =
  process.getuid?.() !== 0 ? "needs root" : missing(PREREQUISITES).length > 0 ? "needs `flotilla up`" : false;

/** The same calls to Docker's own swarm mode and to Flotilla, on the same hosts: docs/differences.md. */
describe("parity with Docker's swarm mode", { skip: obstacle, timeout: 10 * 60_000 }, () => {
  let lab: Lab;
  let comparison: Comparison;

  before(async () => {
    await downAbandoned(signal);
    lab = await Lab.start({ name: `parity${process.pid}`, hosts: 3, temporary: true }, signal);
    await loadImages(lab.hosts, await labImages(signal), signal);
    const ofDocker = { socketOf: (host: string) => lab.host(host).engineSocket, values: new Map() };
    const docker = await runTranscripts(ofDocker, TRANSCRIPTS, signal);
    for (const what of ["volume", "network"])
      await Promise.all(lab.hosts.map((host) => host.docker([what, "prune", "--force"], signal)));
    await Promise.all(lab.hosts.map((host) => host.startDaemon([], signal)));
    const ofFlotilla = { socketOf: (host: string) => lab.host(host).daemonSocket, values: new Map() };
    const flotilla = await runTranscripts(ofFlotilla, TRANSCRIPTS, signal);
    comparison = new Comparison(docker, flotilla, EXPECTED_DIFFERENCES);
  });
  after(async () => lab?.[Symbol.asyncDispose]());

  compareTranscripts(TRANSCRIPTS, () => comparison);
});
