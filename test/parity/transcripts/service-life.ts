import { explained, noTasks, running, tasksIn, updateIn } from "../conditions.ts";
import { api, docker, transcript } from "../transcript.ts";
import { create, NEXT_IMAGE, remove } from "./services.ts";

const UPDATE_STATE = "--format '{{.UpdateStatus.State}}: {{.UpdateStatus.Message}}'";
const QUICKLY = "--update-monitor 300ms --rollback-monitor 300ms --update-parallelism 0 --rollback-parallelism 0";

/** A service in its life: started, changed, rolled back, scaled, removed. */
export const serviceLife = transcript("service life", [
  create("web", `--replicas 2 --constraint node.hostname==h2 --label tier=front ${QUICKLY}`, undefined, {
    capture: { web: "" },
  }),
  docker("service ls", { after: running("web", 2) }),
  docker("service ps web"),
  docker("service ps --no-trunc --quiet web", { unordered: true }),
  docker("service ps --no-resolve --format '{{.Name}} {{.Image}} {{.Node}} {{.DesiredState}}' web"),
  docker("service inspect web"),
  docker("service inspect --pretty web"),
  docker("service ps --filter desired-state=running --format {{.Name}} web"),
  docker("service ps --filter desired-state=shutdown --format {{.Name}} web"),
  docker("service ps --filter node=h2 --format {{.Name}} web"),
  docker("service ps --filter node=h3 --format {{.Name}} web"),
  docker("service ps --filter node=nothing --format {{.Name}} web"),
  docker("service ps --filter name=web.1 --format {{.Name}} web"),
  docker("service ps --filter desired-state=asleep web"),
  docker("service ps --filter colour=red web"),
  docker("node ps h2 --format '{{.Name}} {{.DesiredState}}'"),
  api("GET /services/web", { capture: { webVersion: "Version.Index" } }),
  docker("service scale --detach web=3"),
  docker("service ls --format '{{.Name}} {{.Replicas}}'", { after: running("web", 3) }),
  docker("service scale --detach web=1"),
  docker("service ps web --format '{{.Name}} {{.DesiredState}}'", { after: running("web", 1) }),
  docker("service scale web=2"),
  docker("service update --detach --env-add A=b web"),
  docker("service inspect --pretty web", { after: updateIn("web", "completed") }),
  docker("service inspect web --format '{{json .PreviousSpec.TaskTemplate}}'"),
  docker(`service inspect web ${UPDATE_STATE}`),
  docker("service ps web --format '{{.Name}} {{.DesiredState}} {{.Error}}'", { after: running("web", 2) }),
  docker(`service update --detach --image ${NEXT_IMAGE} --no-resolve-image web`),
  docker("service ps web --format '{{.Name}} {{.Image}} {{.DesiredState}}'", { after: updateIn("web", "completed") }),
  docker("service rollback --detach web"),
  docker(`service inspect web ${UPDATE_STATE}`, { after: updateIn("web", "rollback_completed") }),
  docker("service inspect web --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}'"),
  docker("service update --force web"),
  docker("service inspect web --format '{{.Spec.TaskTemplate.ForceUpdate}}'"),
  docker("service update --detach --label-add new=1 --label-rm tier web"),
  docker("service inspect web --format '{{json .Spec.Labels}}'"),
  docker("service update --detach --env-rm A --constraint-rm node.hostname==h2 --constraint-add node.hostname==h3 web"),
  docker("service ps web --filter desired-state=running --format '{{.Name}} {{.Node}}'", {
    after: updateIn("web", "completed"),
  }),
  docker("service update --detach --replicas 0 web"),
  docker("service ls --format '{{.Name}} {{.Replicas}}'", { after: running("web", 0) }),
  remove("web"),
  docker("service ls"),
  api("GET /tasks", { after: noTasks }),
]);

const REASON = "--format '{{.Name}} {{.Node}} {{.DesiredState}} {{.Error}}' --no-trunc";
const why = (name: string) => docker(`service ps ${name} ${REASON}`, { after: explained(name) });

/** What cannot be placed or started says why, and an update that fails stops. */
export const serviceTrouble = transcript("service trouble", [
  create("nowhere", "--constraint node.hostname==nowhere"),
  why("nowhere"),
  docker("service ls"),
  create("huge", "--reserve-memory 1000g"),
  why("huge"),
  create("gpu", "--generic-resource gpu=1"),
  why("gpu"),
  create("driver", "--log-driver nonsense"),
  why("driver"),
  create("volume", "--mount type=volume,source=x,target=/x,volume-driver=nonsense"),
  why("volume"),
  create("many", "--replicas 4 --replicas-max-per-node 1"),
  docker("service ps many --format '{{.DesiredState}} {{.Error}}' --no-trunc", {
    after: explained("many"),
    unordered: true,
  }),
  create("port1", "--publish mode=host,published=8099,target=80 --constraint node.hostname==h2"),
  create("port2", "--publish mode=host,published=8099,target=80 --constraint node.hostname==h2", undefined, {
    after: running("port1", 1),
  }),
  why("port2"),
  docker("service ps port1"),
  docker("service ls"),
  remove("nowhere", "huge", "gpu", "driver", "volume", "many", "port2", "port1"),
  create("image", "--restart-condition none --constraint node.hostname==h2", "nothing:1"),
  why("image"),
  docker("service ps image --format '{{.CurrentState}}'"),
  create(
    "bind",
    "--restart-condition none --constraint node.hostname==h2 --mount type=bind,source=/nonexistent,target=/x",
  ),
  why("bind"),
  create("exit", "--restart-condition none --constraint node.hostname==h2", "busybox sh -c 'exit 3'"),
  why("exit"),
  docker("service ps exit"),
  docker("service ls"),
  create("program", "--restart-condition none --constraint node.hostname==h2", "busybox /nonexistent"),
  why("program"),
  create("finished", "--restart-condition on-failure --constraint node.hostname==h2", "busybox true"),
  docker(`service ps finished ${REASON}`, { after: tasksIn("finished", "complete", 1) }),
  remove("image", "bind", "exit", "program", "finished"),
  create("again", "--restart-delay 0s --restart-max-attempts 2 --constraint node.hostname==h2", "busybox false"),
  docker(`service ps again ${REASON}`, { after: tasksIn("again", "failed", 3) }),
  remove("again"),
]);

/** Updates that fail. */
export const failedUpdates = transcript("failed updates", [
  create("paused", `--constraint node.hostname==h2 ${QUICKLY} --restart-condition none`),
  docker("service update --detach --entrypoint false paused", { after: running("paused", 1) }),
  docker(`service inspect paused ${UPDATE_STATE}`, { after: updateIn("paused", "paused") }),
  docker("service inspect --pretty paused"),
  docker(`service ps paused ${REASON}`),
  docker("service update --env-add A=b --entrypoint false paused"),
  docker("service rollback --detach paused"),
  remove("paused"),
  create(
    "returned",
    `--constraint node.hostname==h2 ${QUICKLY} --restart-condition none --update-failure-action rollback`,
  ),
  docker("service update --detach --entrypoint false returned", { after: running("returned", 1) }),
  docker(`service inspect returned ${UPDATE_STATE}`, { after: updateIn("returned", "rollback_completed") }),
  docker("service inspect returned --format '{{json .Spec.TaskTemplate.ContainerSpec}}'"),
  docker("service inspect returned --format '{{json .PreviousSpec}}'"),
  docker(`service ps returned ${REASON}`),
  remove("returned"),
]);
