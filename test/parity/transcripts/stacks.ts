import { noTasks, onlyOverlays, running, tasksIn } from "../conditions.ts";
import { docker, transcript } from "../transcript.ts";

const COMPOSE = `
version: "3.8"
services:
  web:
    image: flotilla/demo:1
    environment: { A: b }
    networks: [host]
    secrets: [key]
    configs: [{ source: settings, target: /etc/settings, mode: 0440 }]
    deploy:
      replicas: 2
      labels: { own: label }
      placement: { constraints: [node.hostname==h2] }
      update_config: { parallelism: 2, delay: 1s, order: start-first }
      restart_policy: { condition: on-failure, delay: 1s }
      resources: { limits: { cpus: "0.5", memory: 64M } }
    command: [sleep, "1000"]
    stop_signal: SIGKILL
networks: { host: { external: true, name: host } }
secrets: { key: { external: true } }
configs: { settings: { external: true } }
`;

export const stacks = transcript("stacks", [
  docker("secret create key -", { input: "hush" }),
  docker("config create settings -", { input: "a=b" }),
  docker("stack deploy --detach=true --resolve-image never --compose-file - shop", { input: COMPOSE }),
  docker("stack ls"),
  docker("stack services shop", { after: running("shop_web", 2) }),
  docker("stack ps shop --format '{{.Name}} {{.Image}} {{.Node}} {{.DesiredState}}'"),
  docker("service inspect shop_web"),
  docker("stack deploy --detach=true --resolve-image never --compose-file - shop", { input: COMPOSE }),
  docker("service inspect shop_web --format '{{json .UpdateStatus}}'"),
  docker("stack ps nothing"),
  docker("stack services nothing"),
  docker("stack rm shop"),
  docker("stack ls"),
  docker("secret rm key", { after: noTasks }),
  docker("config rm settings"),
]);

const OVERLAY_COMPOSE = `
version: "3.8"
services:
  web:
    image: flotilla/demo:1
    networks: { front: { aliases: [site] }, back: {} }
    ports: ["8091:80", { target: 81, published: 8092, protocol: udp, mode: host }]
    deploy: { replicas: 2, placement: { constraints: [node.hostname!=h3] } }
  api:
    image: flotilla/demo:1
    networks: [back, shared]
    healthcheck: { test: ["CMD", "true"], interval: 1s }
    deploy: { endpoint_mode: dnsrr, placement: { constraints: [node.hostname==h3] } }
  store:
    image: flotilla/demo:1
    deploy: { replicas: 1, placement: { constraints: [node.hostname==h2] } }
  once:
    image: flotilla/demo:1
    command: ["true"]
    networks: [back]
    deploy: { mode: replicated-job, replicas: 1 }
networks:
  front: { driver: overlay, attachable: true, labels: { tier: front } }
  back: { internal: true, ipam: { config: [{ subnet: 10.200.7.0/24 }] } }
  shared: { external: true }
`;

/** Several networks, published ports and a job, of which some are shared with others. */
export const overlayStacks = transcript("stacks on networks", [
  docker("stack deploy --detach=true --resolve-image never --compose-file - net", {
    input: OVERLAY_COMPOSE,
    unordered: true,
  }),
  docker("network create --driver overlay shared"),
  docker("stack deploy --detach=true --resolve-image never --compose-file - net", {
    input: OVERLAY_COMPOSE,
    unordered: true,
  }),
  docker("stack ls"),
  docker("stack services net --format '{{.Name}} {{.Mode}} {{.Image}} {{.Ports}}'", { after: running("net_web", 2) }),
  docker("network ls --filter scope=swarm --format '{{.Name}} {{.Driver}} {{.Scope}}'", {
    after: running("net_api", 1),
  }),
  docker("network inspect net_front --format '{{.Name}} {{.Attachable}} {{.Internal}} {{json .Labels}}'"),
  docker("network inspect net_back --format '{{.Name}} {{.Internal}} {{json .IPAM.Config}} {{json .Labels}}'"),
  docker("network inspect net_default --format '{{.Name}} {{.Attachable}} {{.Internal}} {{json .Labels}}'"),
  docker("service inspect net_web --format '{{len .Spec.TaskTemplate.Networks}} {{json .Endpoint.Ports}}'"),
  docker("service inspect net_api --format '{{json .Endpoint}}'"),
  docker(
    "service inspect net_store --format '{{range .Spec.TaskTemplate.Networks}}{{.Aliases}}{{end}} {{len .Endpoint.VirtualIPs}}'",
    { after: running("net_store", 1) },
  ),
  docker("stack ps net --format '{{.Name}} {{.Image}} {{.DesiredState}}' --filter desired-state=running", {
    unordered: true,
    after: tasksIn("net_once", "complete", 1),
  }),
  docker("stack deploy --detach=true --resolve-image never --compose-file - net", {
    input: OVERLAY_COMPOSE,
    unordered: true,
  }),
  docker("network rm net_back"),
  docker("network rm shared"),
  docker("stack rm --detach=false net", { unordered: true }),
  docker("network ls --filter scope=swarm --format {{.Name}}", { after: onlyOverlays("ingress", "shared") }),
  docker("network rm shared"),
]);
