import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { openTwoHosts } from "./test-two-hosts.ts";

const FRAME = Buffer.from("\x01\0\0\0\0\0\0\x02a\n", "latin1");

test("what breaks off says so, and names the host", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  for (const [path, begun] of [
    ["logs", FRAME],
    ["wait", ""],
  ] as const) {
    const method = path === "wait" ? "POST" : "GET";
    far.on(`${method} /containers/db/${path}`, (_request, response) => {
      response.flushHeaders();
      response.write(begun, () => response.destroy());
    });
    const { status, text: told } = await api.call(method, `/v1.45/containers/db/${path}`);
    assert.equal(status, 200);
    assert.match(told, /Cannot reach the Docker Engine of node h2: the connection was lost/, path);
  }
});

test("so does a connection that has become a stream", async () => {
  await using hosts = await openTwoHosts();
  const { api, far } = hosts;
  far.onUpgrade((_request, socket) => {
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    socket.write(FRAME);
  });
  const client = connect({ path: api.path });
  client.write("POST /containers/db/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  let output = "";
  client.setEncoding("latin1").on("data", (more: string) => {
    output += more;
    if (output.endsWith("a\n")) hosts.breakOff();
  });
  await once(client, "end");
  assert.equal(output.slice(output.indexOf("a\n") + 2), "\x03\0\0\0\0\0\0\x22the connection to node h2 was lost");
});

test("one that breaks off before it has become a stream is answered", async () => {
  await using hosts = await openTwoHosts();
  hosts.far.onUpgrade(() => hosts.breakOff());
  const client = connect({ path: hosts.api.path });
  client.write("POST /containers/db/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  assert.match(await text(client), /^HTTP\/1\.1 503 [^]*the connection to node h2 was lost/);
});
