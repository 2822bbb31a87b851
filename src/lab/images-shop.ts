import type { ImageSpec } from "./image-archive.ts";
import { busyboxFiles, type ImageFile } from "./image-files.ts";
import {
  NGINX_PREREQUISITE,
  NGINX_PROCESS,
  NGINX_SETTINGS,
  nginxConfig,
  nginxFiles,
  REDIS_PREREQUISITE,
  redisFiles,
} from "./images-programs.ts";
import type { Prerequisite } from "./prerequisites.ts";

/** What `shopImages` are made of. */
export const SHOP_PREREQUISITES: readonly Prerequisite[] = [NGINX_PREREQUISITE, REDIS_PREREQUISITE];

/**
 * The web tier passes every request on to the name `api`, and says on whose behalf. It looks the name up again every few
 * seconds, so that it can be started before there is an API.
 */
const WEB_CONFIG = `${NGINX_SETTINGS}
events { worker_connections 1024; }
http {
  access_log off;
  resolver 127.0.0.11 valid=2s ipv6=off;
  resolver_timeout 2s;
  server {
    listen 80;
    location = /healthy { return 204; }
    location / {
      set $api http://api/cgi-bin/visit;
      proxy_pass $api;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Web $hostname;
    }
  }
}
`;

/**
 * The API's main process. At SIGTERM its server takes no more requests, and those that it has begun are finished. (The
 * server is a child, because a process 1 gets no signal that it has no handler for.)
 */
const API_SCRIPT = `#!/bin/sh
httpd -f -p 80 -h /srv &
server=$!
trap 'kill $server' TERM INT
wait $server
while pidof httpd > /dev/null; do sleep 0.1; done
`;

/** Counts a visit in the store, and says who took part in answering it. */
const VISIT_SCRIPT = `#!/bin/sh
if ! visit=$(timeout 2 redis-cli -e -h store INCR visits 2>&1); then
  printf 'Status: 503 Service Unavailable\\r\\nContent-Type: text/plain\\r\\n\\r\\n'
  printf 'the store does not answer: %s\\n' "$visit"
  exit
fi
web=\${REMOTE_ADDR#[[]::ffff:}
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf 'visit=%s\\nclient=%s\\n' "$visit" "$HTTP_X_FORWARDED_FOR"
printf 'web=%s at %s\\napi=%s, version %s\\n' "$HTTP_X_WEB" "\${web%]}" "$(hostname)" "$VERSION"
`;

const API_FILES: readonly ImageFile[] = [
  { path: "srv", directory: true },
  { path: "srv/cgi-bin", directory: true },
  { path: "srv/cgi-bin/visit", content: VISIT_SCRIPT, mode: 0o755 },
  { path: "usr/bin/api", content: API_SCRIPT, mode: 0o755 },
];

/** Everything that is written goes to the volume, so that the count outlives the container. */
const STORE_COMMAND = ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--appendonly", "yes"];

/**
 * The three tiers of the application of packaging/demo: `flotilla/shop-web:1`, `flotilla/shop-api:1` and `:2` to update
 * it to, `flotilla/shop-store:1`.
 */
export async function shopImages(signal: AbortSignal): Promise<readonly ImageSpec[]> {
  const base = await busyboxFiles(signal);
  const redis = await redisFiles(signal);
  const web: ImageSpec = {
    names: ["flotilla/shop-web:1"],
    layers: [base, await nginxFiles([], signal), nginxConfig(WEB_CONFIG)],
    ...NGINX_PROCESS,
    exposedPorts: ["80/tcp"],
  };
  const api = (version: string): ImageSpec => ({
    names: [`flotilla/shop-api:${version}`],
    layers: [base, redis, API_FILES],
    cmd: ["/usr/bin/api"],
    env: { VERSION: version },
    exposedPorts: ["80/tcp"],
  });
  const store: ImageSpec = {
    names: ["flotilla/shop-store:1"],
    layers: [base, redis],
    cmd: STORE_COMMAND,
    workingDir: "/data",
    volumes: ["/data"],
    exposedPorts: ["6379/tcp"],
  };
  return [web, api("1"), api("2"), store];
}
