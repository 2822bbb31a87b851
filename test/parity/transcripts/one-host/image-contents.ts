import { packImages } from "#lab/image-archive.ts";
import { packFiles } from "#lab/image-files.ts";
import { api, docker, type Step, transcript } from "../../transcript.ts";
import { create, remove, run } from "./container-creation.ts";
import { inspect, removeImage } from "./images.ts";

/** Digests of what a transcript has made are other ones each time. */
const FRESH = { fresh: true };

const ARCHIVE = await packImages([
  { names: ["loaded:1", "loaded:2"], layers: [[{ path: "loaded", content: "loaded\n" }]], cmd: ["/loaded"] },
]);
const ROOT = await packFiles([{ path: "imported", content: "imported\n" }]);

const load = (query: string, body: string | Uint8Array = ARCHIVE): Step =>
  api(`POST /images/load${query}`, { body, headers: { "Content-Type": "application/x-tar" } });
const importImage = (query: string, body: string | Uint8Array = ROOT): Step =>
  api(`POST /images/create?fromSrc=-${query}`, { body, fresh: true, headers: { "Content-Type": "application/x-tar" } });

/** Images in and out. */
export const imageArchives = transcript("image archives", [
  api("GET /images/busybox/get"),
  api("GET /images/flotilla/demo:1/get"),
  api("GET /images/$busybox/get"),
  api("GET /images/nothing/get"),
  api("GET /images/get?names=busybox&names=$busybox"),
  api("GET /images/get?names=nothing"),
  api("GET /images/get?names=busybox&names=nothing"),
  api("GET /images/get"),
  docker("save nothing"),
  load(""),
  load("?quiet=1"),
  inspect("loaded:1"),
  docker("images loaded"),
  load("", "nonsense that is no archive"),
  load("", ""),
  load("", ROOT),
  create("loading", { Image: "loaded:2" }),
  docker("ps --all --format '{{.Names}} {{.Image}} {{.Command}}'"),
  removeImage("loaded:1"),
  removeImage("loaded:2"),
  removeImage("loaded:2", "?force=1"),
  ...remove("loading"),
  docker("image prune --force"),
  importImage("&repo=imported&tag=1&message=made%20here&changes=CMD%20x&changes=ENV%20A=b"),
  api("GET /images/imported:1/json", { fresh: true, capture: { imported: "Id" } }),
  docker("history imported:1 --format '{{.Comment}} {{.Size}}'"),
  importImage("&repo=UPPER&tag=1"),
  importImage("&repo=imported&tag=-x"),
  importImage("&repo=imported&tag=2&changes=NONSENSE%20x"),
  importImage("&repo=imported&tag=2", "nonsense that is no archive"),
  importImage("&repo=imported&tag=3", ""),
  api("POST /images/create?fromSrc=nonsense://nowhere&repo=imported&tag=4"),
  docker("images imported --format '{{.Tag}} {{.Size}}'", { unordered: true }),
  removeImage("imported:1", "", FRESH),
  removeImage("imported:2", "", FRESH),
  removeImage("imported:3", "", FRESH),
]);

const build = (dockerfile: string | undefined, query = "?t=built:1&q=1", more: object = {}): Promise<Step> =>
  packFiles([
    { path: "file", content: "in the context\n" },
    ...(dockerfile === undefined ? [] : [{ path: "Dockerfile", content: dockerfile }]),
  ]).then((body) => api(`POST /build${query}`, { body, fresh: true, ...more }));

const commit = (query: string, more: object = {}): Step => api(`POST /commit?${query}`, { fresh: true, ...more });

/** Images that are made of containers and of contexts. */
export const imageBuilds = transcript("image builds", [
  ...run("source"),
  docker("exec source touch /made"),
  commit("container=source&repo=made&tag=1&comment=why&author=me&pause=0", { capture: { made: "Id" } }),
  api("GET /images/made:1/json", { fresh: true }),
  docker("history made:1 --format '{{.Comment}} {{.CreatedBy}}'"),
  commit("container=source&repo=made&tag=2&changes=CMD%20x", { body: { Labels: { a: "b" } } }),
  docker("image inspect made:2 --format '{{json .Config.Cmd}} {{json .Config.Labels}}'"),
  commit("container=source&repo=made&tag=3&changes=NONSENSE"),
  commit("container=source&repo=UPPER&tag=3"),
  commit("container=source&repo=made&tag=-x"),
  commit("container=source&repo=made&tag=3", { body: "{" }),
  commit("container=source&repo=made&tag=3", { body: "{}", headers: { "Content-Type": "text/plain" } }),
  commit("container=nothing&repo=made&tag=3"),
  commit("repo=made&tag=3"),
  commit("container="),
  docker("commit nothing made:3"),
  removeImage("made:1", "", FRESH),
  removeImage("made:2", "", FRESH),
  ...remove("source"),

  await build('FROM busybox\nCOPY file /copied\nRUN cat /copied\nLABEL a=b\nCMD ["x"]\n', "?t=built:1"),
  docker("image inspect built:1 --format '{{json .Config.Cmd}} {{json .Config.Labels}} {{len .RootFS.Layers}}'"),
  docker("run --rm built:1 cat /copied"),
  await build('FROM busybox\nCOPY file /copied\nRUN cat /copied\nLABEL a=b\nCMD ["x"]\n'),
  await build("FROM built:1 AS one\nFROM busybox\nCOPY --from=one /copied /again\n", "?t=built:2&q=1"),
  await build("ARG WHICH=nothing\nFROM $WHICH\n", '?q=1&buildargs={"WHICH":"busybox"}&labels={"c":"d"}'),
  await build("FROM busybox\nRUN exit 4\n", "?t=built:3&forcerm=1"),
  await build("FROM localhost:5000/nothing:1\n", "?t=built:3"),
  await build("NONSENSE\n", "?t=built:3"),
  await build("", "?t=built:3"),
  await build(undefined, "?t=built:3"),
  await build("FROM busybox\nCOPY nothing /x\n", "?t=built:3"),
  await build("FROM busybox\n", "?t=built:3&dockerfile=other"),
  await build("FROM busybox\n", "?t=built:3&dockerfile=../other"),
  await build("FROM busybox\n", "?t=built:3&target=nothing"),
  await build("FROM busybox\n", "?t=UPPER"),
  await build("FROM busybox\n", "?t=built:3&buildargs=nonsense"),
  await build("FROM busybox\n", "?t=built:3&version=9"),
  await build("FROM busybox\n", "?t=built:3&memory=x"),
  await build("FROM busybox\n", "?t=built:3", { headers: { "Content-Type": "text/plain" } }),
  api("POST /build?t=built:3", {
    body: "nonsense that is no archive",
    headers: { "Content-Type": "application/x-tar" },
  }),
  api("POST /build?t=built:3"),
  api("POST /build?t=built:3&remote=nonsense"),
  api("POST /build/cancel?id=nothing"),
  api("POST /build/prune"),
  docker("images built --format {{.Tag}}", { unordered: true }),
  removeImage("built:1", "", FRESH),
  removeImage("built:2", "", FRESH),
  removeImage("built:3", "", FRESH),
  api("POST /images/prune", { fresh: true, unordered: true }),
  api('POST /images/prune?filters={"dangling":["maybe"]}'),
  api('POST /images/prune?filters={"dangling":["false"],"label":["nothing"]}'),
  api('POST /images/prune?filters={"until":["x"]}'),
  api('POST /images/prune?filters={"colour":["red"]}'),
  api("POST /images/prune?filters=nonsense"),
  docker("image prune --force"),
  docker("images --all --format '{{.Repository}}:{{.Tag}}'", { unordered: true }),
]);
