import { noTasks, running } from "../conditions.ts";
import { docker, transcript } from "../transcript.ts";
import { create, remove } from "./services.ts";

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

export const networks = transcript("networks", [
  docker("network ls --filter scope=swarm --format '{{.Name}} {{.Driver}}'"),
  docker("network create --driver overlay --attachable net"),
  docker("network create --driver overlay net"),
  docker("network inspect net --format '{{.Name}} {{.Scope}} {{.Driver}} {{json .IPAM}}'"),
  create("inside", "--replicas 0 --network net --publish 8055:80"),
  docker("service inspect inside --format '{{json .Endpoint}}'"),
  docker("network rm net"),
  remove("inside"),
  docker("network rm net"),
  docker("network create --driver bridge plain"),
  create("local", "--replicas 0 --network plain"),
  docker("network rm plain"),
  docker("network inspect nothing"),
]);
