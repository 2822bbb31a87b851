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
  /** Docker's answer depends on how far it has got meanwhile: the difference is not always there. */
  readonly isOccasional?: true;
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

  // What an engine of 20.10 says of networks, and 28 does not.
  {
    heading: "Addresses of networks are checked first",
    transcript: "network errors",
    path: /^(stderr\.\d|body\.message)$/,
    docker: /[Ii]nvalid subnet|ipam configuration/,
    flotilla: /invalid network config/,
  },
  {
    heading: "Texts of errors",
    transcript: "network errors",
    path: /^body\.message$/,
    docker: /invalid name/,
    flotilla: /name is empty/,
  },
  {
    heading: "Wrong values are 400",
    path: /^status$/,
    docker: /^500$/,
    flotilla: /^404$/,
    step: /services\/create/,
  },
  {
    heading: "Wrong values are 400",
    transcript: "network errors",
    step: /overlay TAKEN$/,
    path: /^stderr\.0$/,
    docker: /name conflicts/,
  },

  {
    heading: "The gateway of a network with a range",
    step: /network inspect ranged/,
    path: /IPAM\.Config\.0\.Gateway$/,
  },
  { heading: "Networks are found by a part of their name", step: /filter name=fron /, path: /^stdout\.0$/ },
  {
    heading: "A network is gone when it is removed",
    step: /network ls --filter scope=swarm/,
    path: /^stdout/,
    transcript: "network life",
    isOccasional: true,
  },
  {
    heading: "No network of the hosts' own",
    step: /networks\/prune/,
    path: /NetworksDeleted/,
    docker: /docker_gwbridge/,
    flotilla: /^$/,
    isOccasional: true,
  },
  {
    heading: "The network of the routing mesh",
    path: /Network\.Spec\.(DriverConfiguration|IPAMOptions)/,
    step: /tasks/,
  },
  { heading: "The node's own address", path: /Containers\.lb-/, docker: /endpoint/, flotilla: /^$/ },
  {
    heading: "What a worker knows of a network",
    step: /network inspect .*\(on h2\)/,
    path: /\.(Labels|Gateway|Options)/,
  },
  { heading: "An endpoint without addresses", step: /inspect ported/, path: /Endpoint\.Spec\.Mode$/, flotilla: /^$/ },
  {
    heading: "Published ports are listed once",
    transcript: "task networks",
    step: /ps web --filter/,
    path: /^stdout\.\d$/,
  },

  {
    heading: "A container gets its address when it is created",
    transcript: "attachments",
    step: /(run|rm) .*refused/,
    path: /.*/,
  },
  {
    heading: "A container gets its address when it is created",
    transcript: "attachments",
    step: /network connect nothing/,
    path: /^stderr\.0$/,
  },
  {
    heading: "A container gets its address when it is created",
    step: /"runtime":\["attachment"\]/,
    path: /Spec\.NetworkAttachmentSpec\.ContainerID$|Spec\.Networks\.0\.Aliases$|Status\./,
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
