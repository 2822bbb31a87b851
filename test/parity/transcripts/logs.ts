import { noTasks, running, tasksIn } from "../conditions.ts";
import { api, docker, transcript } from "../transcript.ts";
import { create, remove } from "./services.ts";

/** Says a few things, the one on stderr clearly first, and goes on until it is told to stop. */
const TALK =
  'trap "exit 0" TERM; echo two >&2; sleep 0.1; echo one; echo three; echo ready; touch /tmp/said; while :; do sleep 1000 & wait; done';

/** It runs, as far as the cluster is concerned, once it has said all. */
const HEALTH = "--health-cmd 'test -e /tmp/said' --health-interval 100ms";

const logs = (options: string) => docker(`service logs ${options}`, { unordered: true });

export const serviceLogs = transcript("logs", [
  create(
    "talker",
    `${HEALTH} --constraint node.hostname==h2 --log-opt env=A --log-opt labels=own --log-driver json-file --env A=b --container-label own=label`,
    `busybox sh -c '${TALK}'`,
    { capture: { talker: "" } },
  ),
  docker("service ps --quiet --no-trunc talker", { after: running("talker", 1), capture: { talk: "" } }),
  logs("talker"),
  logs("--raw talker"),
  logs("--no-trunc talker"),
  logs("--no-task-ids talker"),
  logs("--no-resolve talker"),
  logs("--timestamps talker"),
  logs("--details talker"),
  logs("--details --raw talker"),
  logs("--tail 1 --raw talker"),
  logs("--tail 0 --raw talker"),
  logs("--since 1h --raw talker"),
  logs("--since 2030-01-01 --raw talker"),
  logs("$talk"),
  logs("--raw $talk"),
  logs("--tail x talker"),
  logs("--since x talker"),
  api("GET /services/talker/logs?stdout=1&stderr=1", { unordered: true }),
  api("GET /services/talker/logs?stdout=1"),
  api("GET /services/talker/logs?stderr=1&timestamps=1&details=1"),
  api("GET /tasks/$talk/logs?stderr=true"),
  api("GET /services/talker/logs"),
  api("GET /services/talker/logs?stdout=1&tail=x"),
  api("GET /services/talker/logs?stdout=1&tail=-1"),
  api("GET /services/talker/logs?stdout=1&since=x"),
  api("GET /services/nothing/logs?stdout=1"),
  api("GET /tasks/nothing/logs?stdout=1"),
  remove("talker"),
  create("terminal", `${HEALTH} --tty --constraint node.hostname==h2`, `busybox sh -c '${TALK}'`),
  docker("service logs --raw terminal", { after: running("terminal", 1) }),
  api("GET /services/terminal/logs?stdout=1&stderr=1"),
  remove("terminal"),
  create("ended", "--restart-condition none --constraint node.hostname==h2", "busybox echo bye"),
  docker("service logs --raw ended", { after: tasksIn("ended", "complete", 1) }),
  remove("ended"),
  create("chorus", `${HEALTH} --mode global --constraint node.role==worker`, `busybox sh -c '${TALK}'`),
  docker("service logs --no-task-ids chorus", { after: running("chorus", 2), unordered: true }),
  remove("chorus"),
  create("waiting", "--constraint node.hostname==nowhere"),
  docker("service logs waiting"),
  remove("waiting"),
  docker("service ls", { after: noTasks }),
]);
