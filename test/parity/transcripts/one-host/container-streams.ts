import { directory, packFiles } from "#lab/image-files.ts";
import { exited } from "../../conditions.ts";
import { api, docker, type Step, transcript } from "../../transcript.ts";
import { create, remove, run, start } from "./container-creation.ts";

const get = (path: string): Step => api(`GET /containers/${path}`);
const shell = (script: string) => ({ Entrypoint: ["sh", "-c"], Cmd: [script] });

/** `docker logs`. */
export const containerLogs = transcript("container logs", [
  create("wordy", {
    ...shell("echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three"),
    Labels: { own: "label" },
    HostConfig: { LogConfig: { Type: "json-file", Config: { labels: "own" } } },
  }),
  get("wordy/logs?stdout=1"),
  start("wordy"),
  api("GET /containers/wordy/logs?stdout=1", { after: exited("wordy") }),
  get("wordy/logs"),
  get("wordy/logs?stderr=1"),
  get("wordy/logs?stdout=1&stderr=1&timestamps=1"),
  get("wordy/logs?stdout=1&tail=1"),
  get("wordy/logs?stdout=1&tail=0"),
  get("wordy/logs?stdout=1&tail=x"),
  get("wordy/logs?stdout=1&tail=-1"),
  get("wordy/logs?stdout=1&since=1"),
  get("wordy/logs?stdout=1&since=4000000000"),
  get("wordy/logs?stdout=1&since=x"),
  get("wordy/logs?stdout=1&until=1"),
  get("wordy/logs?stdout=1&until=x"),
  get("wordy/logs?stdout=1&details=1"),
  get("wordy/logs?stdout=1&follow=1"),
  get("wordy/logs?stdout=maybe"),
  get("$wordy:12/logs?stdout=1&stderr=0"),
  docker("logs wordy"),
  docker("logs --tail 1 wordy"),
  docker("logs --since 1h --timestamps wordy"),
  docker("logs nothing"),
  create("terminal", { ...shell("echo one; echo two >&2"), Tty: true }),
  start("terminal"),
  api("GET /containers/terminal/logs?stdout=1&stderr=1", { after: exited("terminal") }),
  create("silent", { ...shell("echo one"), HostConfig: { LogConfig: { Type: "none" } } }),
  start("silent"),
  api("GET /containers/silent/logs?stdout=1", { after: exited("silent") }),
  ...remove("wordy", "terminal", "silent"),
]);

const attach = (name: string, query: string, input = ""): Step =>
  api(`POST /containers/${name}/attach?${query}`, { upgrade: input });

/** A handshake as RFC 6455 has it. */
const WEBSOCKET = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  Origin: "http://localhost",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Streams into and out of containers. */
export const containerStreams = transcript("container streams", [
  create("echoing", { Entrypoint: ["cat"], Cmd: [], OpenStdin: true, StdinOnce: true }),
  attach("echoing", "logs=1"),
  start("echoing"),
  attach("echoing", "stream=1&stdin=1&stdout=1&stderr=1", "one\ntwo\n"),
  api("GET /containers/echoing/json", { after: exited("echoing") }),
  attach("echoing", "logs=1&stdout=1&stderr=1"),
  attach("echoing", "stream=1&stdout=1&detachKeys=nonsense"),
  attach("nothing", "stream=1&stdout=1"),
  attach("$echoing:12", "logs=1&stdout=1"),
  api("POST /containers/echoing/attach?logs=1&stdout=1"),
  api("GET /containers/echoing/attach/ws?logs=1&stdout=1", { upgrade: "", headers: WEBSOCKET }),
  api("GET /containers/echoing/attach/ws?logs=1&stdout=1"),
  api("GET /containers/nothing/attach/ws", { upgrade: "", headers: WEBSOCKET }),
  docker("start --attach --interactive echoing", { input: "three\n" }),
  docker("logs echoing"),
  docker("run --interactive --rm --entrypoint sh busybox -c 'cat; echo four >&2; exit 6'", { input: "five\n" }),
  docker("attach echoing"),
  docker("attach nothing"),

  create("screen", { ...shell("stty size; sleep 1000"), Tty: true, OpenStdin: true }),
  api("POST /containers/screen/resize?h=10&w=20"),
  start("screen"),
  api("POST /containers/screen/resize?h=10&w=20"),
  api("POST /containers/screen/resize?h=x&w=20"),
  api("POST /containers/screen/resize"),
  attach("screen", "logs=1&stream=0&stdout=1"),
  ...run("top", {}),
  api("GET /containers/top/top", { measured: true }),
  api("GET /containers/top/top?ps_args=-o%20pid,comm", { measured: true }),
  get("top/top?ps_args=-o%20comm"),
  get("top/top?ps_args=nonsense"),
  api("GET /containers/screen/top?ps_args=-eo%20pid,args", { measured: true }),
  docker("top top -o pid,comm", { measured: true }),
  api("GET /containers/top/stats?stream=false", { measured: true }),
  api("GET /containers/top/stats?stream=0&one-shot=1", { measured: true }),
  docker("stats --no-stream --format '{{.Name}} {{.PIDs}}' top"),
  docker("stats --no-stream --format '{{.Name}} {{.PIDs}}'", { unordered: true }),
  docker("stats --no-stream nothing"),
  api("GET /containers/top/changes", { unordered: true }),
  docker("exec top sh -c 'touch /new; rm /etc/group; mkdir /dir; touch /dir/file'"),
  api("GET /containers/top/changes", { unordered: true }),
  docker("diff top", { unordered: true }),
  docker("kill top"),
  api("GET /containers/top/top", { after: exited("top") }),
  api("GET /containers/top/stats?stream=false", { measured: true }),
  api("GET /containers/top/changes", { unordered: true }),
  get("top/export"),
  docker("export nothing"),
  ...remove("echoing", "screen", "top"),
]);

const FILES = await packFiles([
  directory("new"),
  { path: "new/file", content: "hello\n", mode: 0o640 },
  { path: "link", linkTo: "/new/file" },
]);

const put = (path: string, body: string | Uint8Array = FILES): Step =>
  api(`PUT /containers/files/archive${path}`, { body, headers: { "Content-Type": "application/x-tar" } });

/** `docker cp`. */
export const containerArchives = transcript("container archives", [
  create("files"),
  api("HEAD /containers/files/archive?path=/etc"),
  api("HEAD /containers/files/archive?path=/etc/passwd"),
  api("HEAD /containers/files/archive?path=/bin/sh"),
  api("HEAD /containers/files/archive?path=/nothing"),
  api("HEAD /containers/files/archive"),
  api("HEAD /containers/nothing/archive?path=/etc"),
  get("files/archive?path=/etc"),
  get("files/archive?path=/etc/passwd"),
  get("files/archive?path=etc/"),
  get("files/archive?path=/nothing"),
  get("files/archive?path="),
  get("files/archive"),
  put("?path=/tmp"),
  get("files/archive?path=/tmp"),
  put("?path=/nothing"),
  put("?path=/etc/passwd"),
  put("?path="),
  put(""),
  put("?path=/tmp", "nonsense that is no archive"),
  put("?path=/tmp", ""),
  put("?path=/tmp&noOverwriteDirNonDir=1"),
  put("?path=/tmp&copyUIDGID=1"),
  api("PUT /containers/nothing/archive?path=/tmp", { body: FILES }),
  api("POST /containers/files/archive?path=/tmp", { body: FILES }),
  api("GET /containers/$files:12/archive?path=/tmp/new/file"),
  start("files"),
  get("files/archive?path=/tmp/new"),
  put("?path=/root"),
  docker("exec files cat /root/new/file"),
  docker("cp files:/etc/group -"),
  docker("cp nothing:/etc/group -"),
  docker("cp files:/nothing -"),
  docker("cp /etc/nothing files:/tmp"),
  ...remove("files"),
  ...run("locked", { HostConfig: { ReadonlyRootfs: true, Binds: ["/tmp:/host:ro"] } }),
  api("PUT /containers/locked/archive?path=/tmp", { body: FILES }),
  api("PUT /containers/locked/archive?path=/host", { body: FILES }),
  ...remove("locked"),
]);
