import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { openTwoHosts, sendJson } from "#api/engines/test-two-hosts.ts";

const SWITCHED = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

test("what a client builds with the builder of this host is what its tags mean on every host", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  const own = new Map([
    ["app:1", "sha256:old"],
    ["db:1", "sha256:db"],
  ]);
  api.engine.on("GET /images/json", (_request, response) =>
    sendJson(
      response,
      [...own].map(([tag, Id]) => ({ Id, RepoTags: [tag] })),
    ),
  );
  api.engine.on("GET /images/app:1/json", (_request, response) => sendJson(response, { Id: own.get("app:1") }));
  far.on("GET /images/app:1/json", (_request, response) => sendJson(response, { Id: "sha256:old" }));
  far.on("POST /images/sha256:new/tag", (_request, response) => response.writeHead(201).end());
  api.engine.onUpgrade((_request, socket) => {
    socket.write(SWITCHED);
    socket.once("end", () => {
      own.set("app:1", "sha256:new");
      socket.end();
    });
  });
  const client = connect({ path: api.path, allowHalfOpen: true });
  client.write("POST /v1.45/grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  await once(client, "data");
  client.end();
  await once(client.resume(), "end");
  const retagged = () => far.requests.filter((request) => request.includes("/tag?"));
  for (let tries = 0; tries < 100 && retagged().length === 0; tries++) await setTimeout(20);
  assert.deepEqual(retagged(), ["POST /images/sha256:new/tag?repo=app&tag=1"]);
});
