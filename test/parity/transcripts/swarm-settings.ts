import type { Condition } from "../transcript.ts";
import { api, docker, transcript } from "../transcript.ts";

const INSPECT = "info --format '{{json .Swarm.Cluster}}'";

const rootRotated: Condition = {
  what: "the end of the root's rotation",
  path: "/swarm",
  holds: (body) => (body as { RootRotationInProgress?: boolean }).RootRotationInProgress === false,
};

/** The cluster's own settings, tokens and keys. */
export const swarmSettings = transcript("swarm settings", [
  api("GET /swarm"),
  docker("swarm update --task-history-limit 3"),
  docker(INSPECT),
  docker("swarm update --task-history-limit 5 --cert-expiry 48h --dispatcher-heartbeat 6s --snapshot-interval 9000"),
  docker(INSPECT),
  docker("swarm update --cert-expiry 30m"),
  docker("swarm update --dispatcher-heartbeat -1s"),
  docker("swarm update --cert-expiry 2160h --dispatcher-heartbeat 5s --snapshot-interval 10000 --max-snapshots 0"),
  docker("swarm unlock-key"),
  docker("swarm unlock", { input: "SWMKEY-1-x\n" }),
  api("GET /swarm/unlockkey"),
  docker("swarm update --autolock=true"),
  docker("swarm unlock-key --quiet"),
  docker("swarm unlock-key"),
  docker("swarm unlock-key --rotate"),
  docker(INSPECT),
  api("POST /swarm/unlock", { body: { UnlockKey: "SWMKEY-1-AAAA" } }),
  docker("swarm update --autolock=false"),
  docker("swarm unlock-key --rotate"),
  docker("swarm join-token --rotate --quiet worker"),
  docker("swarm join-token --rotate manager"),
  docker("swarm leave"),
  api("POST /swarm/update", { body: { Name: "default" } }),
  api("POST /swarm/update?version=x", { body: { Name: "default" } }),
  api("POST /swarm/update?version=-1", { body: { Name: "default" } }),
  api("POST /swarm/update?version=1", { body: { Name: "default" } }),
  api("POST /swarm/update?version=1", { body: { Name: "other" } }),
  api("POST /swarm/update?version=1", { body: { Name: 5 } }),
  api("POST /swarm/update?version=1", { body: { Name: "default", Orchestration: "x" } }),
  api("POST /swarm/update?version=1&rotateWorkerToken=maybe", { body: { Name: "default" } }),
  api("POST /swarm/update?version=1", { body: "{]" }),
  api("POST /swarm/update?version=1"),
  api("GET /swarm/nonsense"),
  api("DELETE /swarm"),
  api("PUT /swarm/update"),
  docker("swarm ca"),
  docker("swarm ca --rotate --detach"),
  docker("info --format '{{.Swarm.Cluster.RootRotationInProgress}}'", { after: rootRotated }),
]);
