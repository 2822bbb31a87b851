import type { Difference } from "./compare.ts";

/** Differences that are on purpose, and where the documentation says why. */
export interface ExpectedDifference {
  /** A heading of `docs/differences.md`. */
  readonly heading: string;
  readonly transcript?: string;
  /** In the step's name. */
  readonly step?: RegExp;
  /** In the path of the member that differs. */
  readonly path: RegExp;
  /** In the JSON of Docker's value; `^$` is: not there. */
  readonly docker?: RegExp;
  /** In the JSON of ours. */
  readonly flotilla?: RegExp;
}

export const EXPECTED_DIFFERENCES: readonly ExpectedDifference[] = [
  // The engine that the lab compares with is 20.10; we answer as 28 does.
  { heading: "Headers and versions", path: /^headers\.swarm$/, docker: /^$/, step: /_ping/ },
  { heading: "Headers and versions", path: /^headers\.(api-version|docker-experimental|ostype|server)$/, docker: /^$/ },
  { heading: "Headers and versions", path: /^headers\.content-type$/, docker: /^$/, flotilla: /raw-stream/ },
  { heading: "Headers and versions", path: /^headers\.content-type$|^body$/, step: /v1\.0\/nodes/ },
  {
    heading: "Headers and versions",
    path: /^stdout\.Components\.\d$/,
    step: /docker version/,
    flotilla: /"Name":"Flotilla"/,
  },
  { heading: "Headers and versions", path: /^(status|body)$/, step: /v1\.24\/(secrets|configs)/ },
  { heading: "Fields of newer engines", path: /(^|\.)Volumes$/, docker: /^$/, flotilla: /^null$/ },
  { heading: "Fields of newer engines", path: /(^|\.)DefaultAddrPool$/, docker: /^null$/, flotilla: /10\.0\.0\.0\/8/ },

  { heading: "Wrong values are 400", path: /^status$/, docker: /^500$/, flotilla: /^400$/ },
  {
    heading: "Wrong values are 400",
    path: /^(stderr\.0|body\.message)$/,
    docker: /Unknown/,
    flotilla: /InvalidArgument/,
  },
  { heading: "Wrong values are 400", path: /.*/, step: /--rollback-max-failure-ratio -1|rm ratio/ },

  { heading: "Texts of errors", path: /^body\.message$/, flotilla: /^"invalid JSON: / },
  { heading: "Texts of errors", path: /^body\.message$/, flotilla: /unsupported Content-Type/ },
  { heading: "Texts of errors", path: /^(stderr\.0|body\.message)$/, flotilla: /invalid filter/ },
  { heading: "Texts of errors", path: /^body\.message$/, flotilla: /invalid registryAuthFrom/ },
  {
    heading: "Texts of errors",
    path: /^body\.message$/,
    step: /\/logs/,
    flotilla: /must specify at least|invalid timestamp/,
  },
  {
    heading: "Texts of errors",
    path: /^body\.message$/,
    docker: /invalid base pool/,
    flotilla: /invalid CIDR address/,
  },
  { heading: "Texts of errors", path: /^stderr\.0$/, docker: /expanding .* failed/, flotilla: /expanding / },
  { heading: "Texts of errors", path: /^stderr\.0$/, step: /swarm join/, flotilla: /valid join token/ },
  { heading: "Texts of errors", path: /^body\.message$/, step: /swarm\/join {}/, flotilla: /at least 1 RemoteAddr/ },

  { heading: "Why a task was rejected", path: /^stdout\.0$/, step: /ps image/, docker: /No such image/ },
  { heading: "Published ports are listed once", path: /^stdout\.1$/, step: /ps (port1|rich)/ },

  { heading: "Secrets and configs are mounts", path: /^stdout\.Mounts\.\d$/, docker: /^$/, flotilla: /payloads/ },
  { heading: "Secrets and configs are mounts", path: /^stdout\.\d$/, step: /\.Mounts/ },
  { heading: "Labels and defaults of a container", path: /^stdout\.Labels\.io\.flotilla\.cluster$/ },
  {
    heading: "Labels and defaults of a container",
    path: /^stdout\.(RestartPolicy\.Name|Isolation)$/,
    step: /HostConfig/,
  },

  { heading: "The routing mesh and overlay networks", transcript: "networks", path: /.*/ },
  {
    heading: "The routing mesh and overlay networks",
    transcript: "service options",
    step: /(name|inspect|--pretty|rm) ports/,
    path: /.*/,
  },
  {
    heading: "The routing mesh and overlay networks",
    path: /^(status|body\.message)$/,
    flotilla: /^501$|overlay networks/,
  },
  { heading: "The host's own networks", path: /Networks\.0\.Target$|Endpoint\.VirtualIPs$/, step: /hostnet|shop_web/ },
];

/** The entry that explains a difference. */
export const explanationOf = (
  difference: Difference,
  expected: readonly ExpectedDifference[] = EXPECTED_DIFFERENCES,
): ExpectedDifference | undefined => expected.find((entry) => explains(entry, difference));

const explains = (entry: ExpectedDifference, { transcript, step, path, docker, flotilla }: Difference): boolean =>
  (entry.transcript === undefined || entry.transcript === transcript) &&
  (entry.step?.test(step) ?? true) &&
  entry.path.test(path) &&
  (entry.docker?.test(text(docker)) ?? true) &&
  (entry.flotilla?.test(text(flotilla)) ?? true);

const text = (value: unknown): string => (value === undefined ? "" : JSON.stringify(value));
