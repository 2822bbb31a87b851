import { api, docker, transcript } from "../transcript.ts";

export const system = transcript("system", [
  docker("info --format '{{json .Swarm}}'"),
  docker("info --format '{{.Name}} {{.Driver}} {{.ServerVersion}} {{json .Plugins}} {{json .Warnings}}'"),
  docker("version --format '{{json .Server}}'"),
  api("GET /_ping"),
  api("HEAD /_ping"),
  api("GET /v1.41/_ping"),
  api("GET /v1.99/nodes"),
  api("GET /v1.0/nodes"),
  api("GET /v1.24/swarm"),
  api("GET /v1.24/secrets"),
  api("GET /v1.24/configs"),
  api("GET /nonsense"),
  api("GET /services/"),
  api("POST /nodes"),
  api("PUT /services/create"),
  api("PATCH /services/web"),
  api("OPTIONS /services"),
  docker("plugin ls"),
  docker("node ls --filter name=h1 --format '{{.EngineVersion}} {{.TLSStatus}}'"),
]);
