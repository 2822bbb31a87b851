import type { ExpectedDifference } from "./expected-differences.ts";

/** As `EXPECTED_DIFFERENCES`, for one engine and a cluster that is like one. */
export const ONE_HOST_DIFFERENCES: readonly ExpectedDifference[] = [
  { heading: "Headers and versions", path: /^headers\.(api-version|docker-experimental|ostype|server)$/, docker: /^$/ },
  { heading: "Headers and versions", path: /^headers\.swarm$/, docker: /^$/, step: /_ping/ },
  { heading: "Headers and versions", path: /^body\.Components\.\d$/, step: /version/, flotilla: /"Name":"Flotilla"/ },
  { heading: "Headers and versions", path: /^(status|body)$/, step: /v1\.12\// },
  { heading: "Headers and versions", path: /^headers\.content-type$|^body$/, step: /GET \/v1(\.0)?\/containers/ },

  { heading: "Wrong values are 400", path: /^status$/, docker: /^500$/, flotilla: /^40[04]$/ },
  {
    heading: "Texts of errors",
    path: /^body\.message$/,
    flotilla: /(invalid (filter|timestamp|JSON)|unsupported Content-Type)/,
  },

  { heading: "A manager shows the containers of all hosts", path: /^body\.Swarm\./, step: /GET \/info/ },
  { heading: "A manager shows the containers of all hosts", path: /^body\.SystemStatus$/, docker: /^$/ },
  {
    heading: "A manager shows the containers of all hosts",
    path: /^body\.Node$/,
    docker: /^$/,
    flotilla: /"Name":"h\d"/,
  },
  {
    heading: "A manager shows the containers of all hosts",
    path: /\.Names\.1$/,
    docker: /^$/,
    flotilla: /^"\/h\d\/\w+"$/,
  },
  {
    heading: "A manager shows the containers of all hosts",
    path: /\.Ports\.80\/tcp\.[01](\.HostIp)?$/,
    docker: /0\.0\.0\.0|::/,
    flotilla: /^"10\.77\.0\.\d"$|^$/,
  },
  {
    heading: "A manager shows the containers of all hosts",
    path: /^stdout\.[01]$/,
    step: /docker port/,
    docker: /0\.0\.0\.0|\[::\]/,
    flotilla: /10\.77\.0\.\d:8083|^$/,
  },

  {
    heading: "A name in use says where",
    path: /^body\.message$/,
    docker: /is already in use by container \\"<\w+>\\"\. /,
    flotilla: /is already in use by container \\"<\w+>\\" on h\d\. /,
  },
  {
    heading: "What no host has left",
    path: /^(status|body\.message)$/,
    step: /NanoCpus":1000000000000000/,
  },
  { heading: "A name with its slash", path: /^(status|body|headers\.(location|content-type))$/, step: /%2F\w+\/json/ },
  {
    heading: "An image is on several hosts",
    path: /^stdout\.[1-5]$/,
    step: /docker events .*type=image/,
    flotilla: /^"(un)?tag <busybox>"$/,
  },
];
