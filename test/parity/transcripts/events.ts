import { noTasks, running, updateIn } from "../conditions.ts";
import { api, docker, transcript } from "../transcript.ts";
import { create, remove } from "./services.ts";

const events = (options: string) => docker(`events --until 0s --filter scope=swarm --format '{{json .}}' ${options}`);

export const clusterEvents = transcript("events", [
  docker("secret create seen -", { input: "hush", capture: { seen: "" } }),
  api("GET /secrets/seen", { capture: { start: "CreatedAt" } }),
  docker("config create seen -", { input: "hush", capture: { seenConfig: "" } }),
  create("seen", "--constraint node.hostname==h2", undefined, { capture: { seenService: "" } }),
  docker("service update --detach --replicas 2 --update-monitor 300ms seen", { after: running("seen", 1) }),
  docker("service update --detach --image flotilla/demo:2 --no-resolve-image seen", { after: running("seen", 2) }),
  docker("service ls --format {{.Image}}", { after: updateIn("seen", "completed") }),
  docker("node update --availability drain h3"),
  docker("node update --availability active h3"),
  docker("secret rm seen"),
  docker("config rm seen"),
  remove("seen"),
  docker("service ls", { after: noTasks }),
  // Lets the present second pass: the client asks in whole seconds.
  docker("events --since 0s --until -1s --filter type=plugin"),
  events("--since $start --filter type=secret"),
  events("--since $start --filter type=config"),
  events("--since $start --filter type=service"),
  events("--since $start --filter type=node"),
  events("--since $start --filter type=network"),
  events("--since $start --filter event=remove"),
  events("--since $start --filter service=seen --filter event=create"),
  events("--since $start --filter secret=seen"),
  docker("events --since x"),
  api("GET /events?since=5&until=1"),
  api("GET /events?filters=nonsense"),
]);
