import { tasksIn } from "../conditions.ts";
import { api, docker, transcript } from "../transcript.ts";
import { create, remove } from "./services.ts";

const TASKS = "--format '{{.Name}} {{.DesiredState}} {{.Error}}'";

export const jobs = transcript("jobs", [
  create(
    "batch",
    "--mode replicated-job --replicas 3 --max-concurrent 2 --constraint node.hostname==h2",
    "busybox true",
    {
      capture: { batch: "" },
    },
  ),
  docker("service ls", { after: tasksIn("batch", "complete", 3) }),
  docker(`service ps batch ${TASKS}`),
  docker("service inspect batch"),
  docker("service inspect --pretty batch"),
  api('GET /tasks?filters={"service":["batch"]}', { unordered: true }),
  api("GET /services?status=true"),
  docker("service update --detach --force batch"),
  docker("service inspect batch --format '{{json .JobStatus.JobIteration}}'", {
    after: tasksIn("batch", "complete", 6),
  }),
  docker("service ls --format '{{.Name}} {{.Mode}} {{.Replicas}}'"),
  docker("service ls --filter mode=replicated-job --format {{.Name}}"),
  docker("service scale --detach batch=4"),
  docker("service rollback --detach batch"),
  docker("service logs nothing"),
  remove("batch"),
  create("each", "--mode global-job --constraint node.role==worker", "busybox true"),
  docker("service ls", { after: tasksIn("each", "complete", 2) }),
  docker("service ps each --format '{{.Name}} {{.Node}} {{.DesiredState}}'", { unordered: true }),
  docker("service inspect each"),
  docker("service inspect --pretty each"),
  docker("service ls --filter mode=global-job --format {{.Name}}"),
  remove("each"),
  create("failing", "--mode replicated-job --restart-condition none --constraint node.hostname==h2", "busybox false"),
  docker("service ls", { after: tasksIn("failing", "failed", 1) }),
  docker(`service ps failing ${TASKS}`),
  remove("failing"),
  create("bad", "--mode replicated-job --update-delay 1s", "busybox true"),
  create("bad", "--mode global-job --max-concurrent 2", "busybox true"),
  create("bad", "--mode global-job --replicas 2", "busybox true"),
  create("bad", "--mode replicated-job --restart-condition any", "busybox true"),
  create("bad", "--replicas 2 --max-concurrent 2", "busybox true"),
  api("POST /services/create", {
    body: {
      Name: "raw",
      TaskTemplate: { ContainerSpec: { Image: "busybox" }, Placement: { Constraints: ["node.hostname==nowhere"] } },
      Mode: { ReplicatedJob: {} },
    },
  }),
  api("GET /services/raw"),
  remove("raw"),
  remove("bad"),
  docker("service ls"),
]);
