import { noTasks, running } from "../conditions.ts";
import { api, docker, transcript } from "../transcript.ts";
import { create, remove } from "./services.ts";

const list = (filters: string) => api(`GET /tasks?filters=${filters}`, { unordered: true });

export const tasks = transcript("tasks", [
  api("GET /tasks", { after: noTasks }),
  create("pair", "--replicas 2 --constraint node.hostname==h2 --label a=b --restart-delay 1s", undefined, {
    capture: { pair: "" },
  }),
  create("everywhere", "--mode global", undefined, { capture: { everywhere: "" }, after: running("pair", 2) }),
  docker("service ps everywhere --format '{{.Name}} {{.Node}} {{.DesiredState}}'", {
    after: running("everywhere", 3),
    unordered: true,
  }),
  docker("service ps --quiet --no-trunc --filter name=pair.1 pair", { capture: { first: "" } }),
  api("GET /tasks/$first"),
  docker("inspect $first"),
  docker("inspect --type task nothing"),
  list('{"service":["pair"]}'),
  list('{"service":["$pair"],"node":["h2"]}'),
  list('{"service":["pair","everywhere"],"node":["$node3"]}'),
  list('{"node":["h2"],"desired-state":["running"]}'),
  list('{"id":["$first"]}'),
  list('{"name":["pair.2"]}'),
  list('{"name":["pair"]}'),
  list('{"label":["a=b"]}'),
  list('{"label":["a=c"]}'),
  list('{"desired-state":["shutdown"]}'),
  list('{"_up-to-date":["true"],"service":["pair"]}'),
  list('{"runtime":["container"],"service":["pair"]}'),
  api('GET /tasks?filters={"service":["nothing"]}'),
  api('GET /tasks?filters={"node":["nothing"]}'),
  api('GET /tasks?filters={"desired-state":["asleep"]}'),
  api('GET /tasks?filters={"colour":["red"]}'),
  api("GET /tasks?filters=nonsense"),
  api("GET /tasks/nothing"),
  api("GET /tasks/pair.1"),
  api("DELETE /tasks/$first"),
  api("GET /tasks/$first/nonsense"),
  api("GET /services?status=true", { unordered: true }),
  remove("pair", "everywhere"),
  docker("service ls", { after: noTasks }),
]);
