import { api, type CliOptions, docker, type Step, transcript } from "../transcript.ts";

/** It leaves at SIGTERM at once. */
export const IMAGE = "flotilla/demo:1";
export const NEXT_IMAGE = "flotilla/demo:2";

/** `docker service create` of a service named `name`. */
export const create = (name: string, options: string, image = IMAGE, more: CliOptions = {}) =>
  docker(`service create --detach --no-resolve-image --name ${[name, options, image].filter(Boolean).join(" ")}`, more);

export const remove = (...names: readonly string[]) => docker(`service rm ${names.join(" ")}`);

/** Creates a service that runs nothing, shows all of it, and removes it. */
const declare = (name: string, options: string, image = IMAGE): readonly Step[] => [
  create(name, `--replicas 0 ${options}`, image),
  docker(`service inspect ${name}`),
  docker(`service inspect --pretty ${name}`),
  remove(name),
];

/** Every family of options, in the spec that becomes of it. */
export const serviceOptions = transcript("service options", [
  ...declare("plain", ""),
  ...declare("environment", "--env A=1 --env B='two words' --env C="),
  ...declare(
    "process",
    "--user 1000:1000 --group 99 --workdir /tmp --hostname '{{.Node.Hostname}}-{{.Task.Slot}}' --tty --read-only --init",
  ),
  ...declare("command", "--entrypoint 'sh -c'", `${IMAGE} 'sleep 5' x`),
  ...declare(
    "volumes",
    "--mount type=volume,source=data,target=/data,volume-label=a=b,volume-driver=local --mount type=bind,source=/tmp,target=/host,readonly,bind-propagation=rslave --mount type=tmpfs,target=/scratch,tmpfs-size=1m,tmpfs-mode=1770",
  ),
  ...declare(
    "health",
    "--health-cmd 'exit 0' --health-interval 2s --health-timeout 1s --health-retries 5 --health-start-period 3s",
  ),
  ...declare("nohealth", "--no-healthcheck"),
  ...declare(
    "resources",
    "--limit-cpu 0.5 --limit-memory 64m --limit-pids 99 --reserve-cpu 0.25 --reserve-memory 32m --generic-resource gpu=2",
  ),
  ...declare(
    "capabilities",
    "--cap-add NET_ADMIN --cap-add sys_time --cap-drop CAP_CHOWN --ulimit nofile=100:200 --ulimit nproc=50 --sysctl net.core.somaxconn=77",
  ),
  ...declare("stopping", "--stop-signal SIGINT --stop-grace-period 3s"),
  ...declare("logging", "--log-driver json-file --log-opt max-size=1m --log-opt max-file=2"),
  ...declare(
    "hostports",
    "--publish mode=host,target=80,published=8085 --publish mode=host,target=81,protocol=udp --endpoint-mode dnsrr",
  ),
  ...declare("ports", "--publish 8086:80 --publish published=8087,target=53,protocol=udp"),
  ...declare(
    "names",
    "--dns 192.0.2.53 --dns-search example.test --dns-option ndots:2 --host one:192.0.2.1 --host two:192.0.2.2",
  ),
  ...declare("labels", "--label a=b --label c --container-label d=e --container-label f"),
  ...declare(
    "placement",
    "--constraint node.role==worker --constraint node.labels.disk!=ssd --placement-pref spread=node.labels.rack --placement-pref spread=engine.labels.zone --replicas-max-per-node 2",
  ),
  ...declare(
    "restarting",
    "--restart-condition on-failure --restart-delay 2s --restart-max-attempts 3 --restart-window 10s",
  ),
  ...declare(
    "updating",
    "--update-delay 1s --update-parallelism 2 --update-failure-action continue --update-monitor 3s --update-max-failure-ratio 0.2 --update-order start-first",
  ),
  ...declare(
    "returning",
    "--rollback-delay 1s --rollback-parallelism 0 --rollback-failure-action continue --rollback-monitor 3s --rollback-max-failure-ratio 0.5 --rollback-order start-first",
  ),
  ...declare("isolated", "--isolation default"),
  ...declare("hostnet", "--network host"),
  create("everywhere", "--mode global --constraint node.hostname==nowhere"),
  docker("service inspect everywhere"),
  docker("service inspect --pretty everywhere"),
  docker("service ls"),
  remove("everywhere"),
]);

/** What is refused, and how. */
export const serviceErrors = transcript("service errors", [
  create("taken", "--replicas 0", IMAGE, { capture: { taken: "" } }),
  create("taken", "--replicas 0"),
  create("TAKEN", "--replicas 0"),
  create("x".repeat(64), ""),
  create("x".repeat(300), ""),
  create("two.parts", ""),
  create("under_score-", ""),
  create("constraint", "--constraint node.role=worker"),
  create("constraint", "--constraint node.role==wor?ker!"),
  create("constraint", "--constraint 'no de==x'"),
  create("cpu", "--limit-cpu 0.0001"),
  create("cpu", "--reserve-cpu -1"),
  create("memory", "--limit-memory 1k"),
  create("memory", "--reserve-memory 1k"),
  create("delay", "--restart-delay -1s"),
  create("delay", "--update-delay -1s"),
  create("monitor", "--update-monitor -1s"),
  create("ratio", "--update-max-failure-ratio 2"),
  create("ratio", "--replicas 0 --rollback-max-failure-ratio -1"),
  remove("ratio"),
  create("action", "--update-failure-action explode"),
  create("order", "--update-order sideways"),
  create("condition", "--restart-condition maybe"),
  create("health", "--health-cmd true --health-interval 1us"),
  create("health", "--health-cmd true --health-retries -1"),
  create("mounts", "--mount type=volume,source=a,target=/x --mount type=volume,source=b,target=/x"),
  create("image", "", "some/UPPER"),
  create("image", "", "'sp ace'"),
  create("secret", "--secret nothing"),
  create("config", "--config nothing"),
  create("network", "--network nothing"),
  create("network", "--replicas 0 --network bridge"),
  remove("network"),
  create("ports", "--publish 8080:80 --publish 8080:81"),
  create("ports", "--publish 8080:80 --endpoint-mode dnsrr"),
  create("ports", "--publish mode=host,published=8080,target=80 --publish mode=host,published=8080,target=81"),
  create("generic", "--generic-resource gpu=red"),
  create("template", "--env 'A={{.Nothing}}'"),
  create("template", "--hostname '{{.Node'"),
  create("template", "--mount 'type=volume,source={{.Service.Colour}},target=/x'"),
  create("mode", "--mode sideways"),
  create("mode", "--mode global --replicas 2"),
  create("pref", "--placement-pref random=node.labels.x"),
  docker("service inspect nothing"),
  docker("service inspect taken nothing --format {{.Spec.Name}}"),
  docker("service inspect Taken"),
  docker("service ps nothing"),
  docker("service rm nothing"),
  docker("service update --detach --env-add A=b nothing"),
  docker("service update --detach --rollback taken"),
  docker("service update --detach --constraint-add nonsense taken"),
  docker("service update --detach --limit-cpu 0.0001 taken"),
  docker("service update --detach --secret-add nothing taken"),
  docker("service rollback --detach taken"),
  docker("service rollback --detach nothing"),
  docker("service scale --detach nothing=2"),
  docker("service scale --detach taken=-1"),
  docker("service scale --detach taken"),
  docker("service logs nothing"),
  api("POST /services/taken/update", { body: { Name: "taken" } }),
  api("POST /services/taken/update?version=x", { body: { Name: "taken" } }),
  api("POST /services/taken/update?version=1", { body: { Name: "taken" } }),
  api("POST /services/taken/update?version=1", {
    body: { Name: "taken", TaskTemplate: { ContainerSpec: { Image: IMAGE } } },
  }),
  api("POST /services/taken/update?version=1", {
    body: { Name: "renamed", TaskTemplate: { ContainerSpec: { Image: IMAGE } } },
  }),
  api("POST /services/taken/update?version=1", {
    body: { Name: "taken", TaskTemplate: { ContainerSpec: { Image: IMAGE } }, Mode: { Global: {} } },
  }),
  api("POST /services/taken/update?version=1&registryAuthFrom=nowhere", {
    body: { Name: "taken", TaskTemplate: { ContainerSpec: { Image: IMAGE } } },
  }),
  api("POST /services/taken/update?version=1&rollback=later", {
    body: { Name: "taken", TaskTemplate: { ContainerSpec: { Image: IMAGE } } },
  }),
  api("POST /services/nothing/update?version=1", {
    body: { Name: "taken", TaskTemplate: { ContainerSpec: { Image: IMAGE } } },
  }),
  api("DELETE /services/nothing"),
  api("GET /services/nothing"),
  api("GET /services/taken?insertDefaults=true"),
  api("GET /services/taken?insertDefaults=maybe"),
  api("GET /services/taken/nonsense"),
  remove("taken"),
]);

const put = (body: unknown) => api("POST /services/create", { body });
const CONTAINER = { ContainerSpec: { Image: IMAGE } };

/** Documents that no client of ours would send. */
export const serviceDocuments = transcript("service documents", [
  put("{"),
  put("[]"),
  put('"text"'),
  api("POST /services/create"),
  put({}),
  put({ Name: 5 }),
  put({ Name: "raw" }),
  put({ Name: "raw", TaskTemplate: {} }),
  put({ Name: "raw", TaskTemplate: { ContainerSpec: {} } }),
  put({ Name: "raw", TaskTemplate: { ContainerSpec: { Image: 5 } } }),
  put({ Name: "raw", TaskTemplate: { ContainerSpec: { Image: IMAGE, Env: "A=b" } } }),
  put({ Name: "raw", TaskTemplate: { ContainerSpec: { Image: IMAGE, Env: [1] } } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, Mode: { Replicated: { Replicas: -1 } } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, Mode: { Replicated: { Replicas: 1.5 } } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, Mode: { Replicated: {}, Global: {} } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, Mode: "global" }),
  put({ Name: "raw", TaskTemplate: { ...CONTAINER, RestartPolicy: { Condition: "maybe" } } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, UpdateConfig: { FailureAction: "explode" } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, EndpointSpec: { Mode: "sideways" } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, EndpointSpec: { Ports: [{ TargetPort: -1 }] } }),
  put({ Name: "raw", TaskTemplate: CONTAINER, Labels: [] }),
  put({ Name: "raw", TaskTemplate: { ...CONTAINER, Runtime: "magic" } }),
  put({ Name: "raw", TaskTemplate: { ...CONTAINER, Networks: [{ Target: "nothing" }] } }),
  put({ Name: "raw", TaskTemplate: { ...CONTAINER, Placement: { Constraints: ["node.role==worker", "x"] } } }),
  put({ Name: "raw", TaskTemplate: { ContainerSpec: { Image: IMAGE, Secrets: [{ SecretID: "x" }] } } }),
  put({
    Name: "raw",
    TaskTemplate: {
      ContainerSpec: { Image: IMAGE, Secrets: [{ SecretID: "x", SecretName: "y", File: { Name: "z", Mode: 292 } }] },
    },
  }),
  put({ name: "raw", tasktemplate: { containerspec: { image: IMAGE } }, mode: { replicated: { replicas: 0 } }, X: 1 }),
  api("GET /services/raw"),
  api("DELETE /services/raw"),
  put({ Name: "raw", TaskTemplate: { ...CONTAINER, Placement: { Constraints: ["node.hostname==nowhere"] } } }),
  api("GET /services/raw"),
  api("GET /services/raw?insertDefaults=1"),
  api("DELETE /services/raw"),
]);

/** Lists, with all their filters. */
export const serviceLists = transcript("service lists", [
  docker("service ls"),
  api("GET /services"),
  create("one", "--replicas 0 --label tier=front", IMAGE, { capture: { one: "" } }),
  create("other", "--replicas 0 --label tier=back --replicas-max-per-node 3", IMAGE, { capture: { other: "" } }),
  create("wide", "--mode global --constraint node.hostname==nowhere", IMAGE, { capture: { wide: "" } }),
  docker("service ls"),
  docker("service ls --quiet", { unordered: true }),
  docker("service ls --format '{{.ID}} {{.Name}} {{.Mode}} {{.Replicas}} {{.Image}} {{.Ports}}'"),
  docker("service ls --format '{{json .}}'"),
  docker("service ls --format {{.Name}} --filter name=o"),
  docker("service ls --format {{.Name}} --filter name=one --filter name=wide"),
  docker("service ls --format {{.Name}} --filter id=$other"),
  docker("service ls --format {{.Name}} --filter label=tier"),
  docker("service ls --format {{.Name}} --filter label=tier=back"),
  docker("service ls --format {{.Name}} --filter mode=global"),
  docker("service ls --format {{.Name}} --filter mode=replicated"),
  docker("service ls --format {{.Name}} --filter mode=sideways"),
  docker("service ls --filter colour=red"),
  docker("service ls --filter runtime=plugin"),
  api("GET /services", { unordered: true }),
  api("GET /services?status=true", { unordered: true }),
  api("GET /services?status=maybe"),
  api('GET /services?filters={"name":{"one":true},"label":{"tier":true}}'),
  api("GET /services?filters=nonsense"),
  api("GET /v1.24/services", { unordered: true }),
  docker("service inspect $one --format {{.Spec.Name}}"),
  docker("service inspect one other wide --format {{.Spec.Name}}"),
  docker("service ps one"),
  docker("service ps one nothing"),
  remove("one", "other", "wide", "nothing"),
]);
