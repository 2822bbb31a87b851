import { noTasks, running, updateIn } from "../conditions.ts";
import { docker, transcript } from "../transcript.ts";
import { create, remove } from "./services.ts";

const on = "h2" as const;
const inspect = (part: string) => docker(`inspect $container --format '${part}'`, { on });

/** What becomes of a task on its node's engine. */
export const containers = transcript("containers", [
  docker("secret create key -", { input: "hush" }),
  docker("config create settings -", { input: "a=b" }),
  create(
    "rich",
    [
      "--constraint node.hostname==h2 --replicas 1",
      "--env A=1 --env 'NODE={{.Node.Hostname}}' --env 'SLOT={{.Task.Slot}}' --env 'SERVICE={{.Service.Name}}'",
      "--hostname 'on-{{.Node.Hostname}}' --user 0:0 --workdir /tmp --label service=label --container-label own=label",
      "--mount type=volume,source=data-{{.Task.Slot}},target=/data,volume-label=a=b --mount type=tmpfs,target=/scratch,tmpfs-size=1m",
      "--mount type=bind,source=/tmp,target=/host,readonly",
      "--limit-cpu 0.5 --limit-memory 64m --limit-pids 99 --reserve-cpu 0.1 --reserve-memory 8m",
      "--cap-add NET_ADMIN --cap-drop CHOWN --ulimit nofile=100:200 --sysctl net.core.somaxconn=77",
      "--dns 192.0.2.53 --dns-search example.test --dns-option ndots:2 --host one:192.0.2.1",
      "--init --stop-signal SIGTERM --stop-grace-period 3s --log-driver json-file --log-opt max-size=1m",
      "--health-cmd true --health-interval 500ms --secret source=key,target=/etc/key,uid=5,gid=6,mode=0400",
      "--config settings",
      "--publish mode=host,published=8077,target=80",
    ].join(" "),
    undefined,
    { capture: { rich: "" } },
  ),
  docker("service ps rich", { after: running("rich", 1) }),
  docker("service inspect rich"),
  docker("service inspect --pretty rich"),
  docker("secret rm key"),
  docker("config rm settings"),
  docker("service ps --quiet --no-trunc rich", { capture: { richTask: "" } }),
  docker("ps --quiet --no-trunc --filter label=com.docker.swarm.service.name=rich", { on, capture: { container: "" } }),
  docker("ps --format '{{.Names}} {{.Image}} {{.Ports}}' --filter name=rich", { on }),
  inspect("{{.Name}}"),
  inspect("{{json .Config}}"),
  inspect("{{json .HostConfig}}"),
  docker(
    `inspect $container --format '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}} {{.Mode}} {{.Propagation}}{{println}}{{end}}'`,
    { on, unordered: true },
  ),
  inspect("{{json .NetworkSettings.Ports}}"),
  inspect("{{.State.Status}} {{.State.Health.Status}} {{.RestartCount}} {{.Path}} {{.Args}}"),
  docker("exec $container cat /etc/key /settings", { on }),
  docker("exec $container stat -c '%a %u %g %s %n' /etc/key /settings", { on }),
  docker("exec $container env", { on, unordered: true }),
  docker("exec $container hostname", { on }),
  docker("exec $container sh -c 'touch /etc/key'", { on }),
  docker("volume inspect data-1 --format '{{json .Labels}} {{.Driver}}'", { on }),
  docker("inspect rich --type container", { on }),
  docker("service update --detach --secret-rm key --config-rm settings --update-monitor 300ms rich"),
  docker("service ps rich --format '{{.Name}} {{.DesiredState}}'", { after: updateIn("rich", "completed") }),
  docker("secret rm key"),
  docker("config rm settings"),
  remove("rich"),
  docker("service ls", { after: noTasks }),
]);
