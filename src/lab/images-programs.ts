import { existsSync } from "node:fs";
import type { ImageSpec } from "./image-archive.ts";
import { busyboxFiles, directory, type ImageFile, programFiles } from "./image-files.ts";
import { command, type Prerequisite } from "./prerequisites.ts";

/** Where Debian puts the programs. */
const NGINX = "/usr/sbin/nginx";
const NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";
/** It is the server too, when it is called `redis-server`. */
const REDIS = "/usr/bin/redis-check-rdb";
const REDIS_CLIENT = "/usr/bin/redis-cli";

export const NGINX_PREREQUISITE: Prerequisite = command("nginx", "nginx", "web servers in containers");
export const REDIS_PREREQUISITE: Prerequisite = command("redis-cli", "redis-tools", "stores in containers");

/** What `probeImage` is made of. */
export const PROBE_PREREQUISITES: readonly Prerequisite[] = [
  NGINX_PREREQUISITE,
  { package: "libnginx-mod-stream", reason: "UDP servers in containers", isMet: () => existsSync(NGINX_STREAM) },
  command("curl", "curl", "clients in containers"),
  command("dig", "bind9-dnsutils", "questions for names from containers"),
];

/** nginx and some of its modules, without a configuration. */
export const nginxFiles = async (modules: readonly string[], signal: AbortSignal): Promise<readonly ImageFile[]> => [
  directory("etc/nginx"),
  directory("var/lib/nginx"),
  ...(await programFiles([NGINX, ...modules], signal)),
];

/** A layer with nothing but a configuration of nginx. */
export const nginxConfig = (content: string): readonly ImageFile[] => [{ path: "etc/nginx/nginx.conf", content }];

/** How an image starts nginx, and asks it to end: SIGQUIT lets it finish the requests that it has begun. */
export const NGINX_PROCESS: Pick<ImageSpec, "cmd" | "stopSignal"> = {
  cmd: [NGINX, "-e", "stderr", "-c", "/etc/nginx/nginx.conf"],
  stopSignal: "SIGQUIT",
};

/** `redis-server` and `redis-cli`. */
export const redisFiles = async (signal: AbortSignal): Promise<readonly ImageFile[]> => [
  ...(await programFiles([REDIS, REDIS_CLIENT], signal)),
  { path: "usr/bin/redis-server", linkTo: REDIS },
];

/** The directives that a container's nginx needs, whatever it serves. It reports on standard error, and only trouble. */
export const NGINX_SETTINGS = `daemon off;
user root;
pid /tmp/nginx.pid;
error_log stderr error;
`;

/** Ports of `flotilla/probe`. */
export const PROBE_PORT = 80;
export const PROBE_UDP_PORT = 5353;

/** Answers every request and every datagram with who it is, who asked, and its version. */
const probeConfig = (version: string): string => `load_module ${NGINX_STREAM};
${NGINX_SETTINGS}
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_timeout 1h;
  keepalive_requests 1000000;
  server {
    listen ${PROBE_PORT} backlog=4096;
    default_type text/plain;
    location / { return 200 "$hostname $remote_addr ${version}\n"; }
  }
}
stream {
  server {
    listen ${PROBE_UDP_PORT} udp;
    return "$hostname $remote_addr ${version}\n";
  }
}
`;

/**
 * `flotilla/probe:1` and `:2`: a server that says `HOSTNAME CALLER VERSION` over HTTP and UDP, with `curl`, `dig` and
 * `getent` to ask others. It ends as a web server should: what it has begun is finished first.
 */
export async function probeImages(signal: AbortSignal): Promise<readonly ImageSpec[]> {
  const base = await busyboxFiles(signal);
  const clients = await programFiles(["/usr/bin/curl", "/usr/bin/dig", "/usr/bin/getent"], signal);
  const server = await nginxFiles([NGINX_STREAM], signal);
  return ["1", "2"].map((version) => ({
    names: [`flotilla/probe:${version}`],
    layers: [base, clients, server, nginxConfig(probeConfig(version))],
    ...NGINX_PROCESS,
    exposedPorts: [`${PROBE_PORT}/tcp`, `${PROBE_UDP_PORT}/udp`],
  }));
}
