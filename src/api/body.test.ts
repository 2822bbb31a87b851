import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { MAX_BODY_BYTES } from "./body.ts";
import { startTestApi } from "./test-server.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

for (const { name, body, headers = JSON_TYPE, message } of [
  { name: "an empty body", body: "", message: /got EOF while reading request body/ },
  { name: "no body at all", body: undefined, headers: {}, message: /got EOF while reading request body/ },
  { name: "blank text", body: " \n", message: /got EOF/ },
  { name: "truncated JSON", body: '{"Name":"x"', message: /^invalid JSON: / },
  { name: "two documents", body: '{"Name":"x"}{}', message: /^invalid JSON: / },
  { name: "no JSON", body: "<xml/>", message: /^invalid JSON: / },
  { name: "a list", body: "[]", message: /cannot unmarshal array/ },
  { name: "a number", body: "7", message: /cannot unmarshal number 7/ },
  {
    name: "another content type",
    body: "{}",
    headers: { "Content-Type": "text/plain" },
    message: /^unsupported Content-Type header \(text\/plain\): must be 'application\/json'$/,
  },
  {
    name: "a malformed content type",
    body: "{}",
    headers: { "Content-Type": "json" },
    message: /^unsupported Content-Type header \(json\)/,
  },
  { name: "no content type", body: "{}", headers: { "Content-Type": "" }, message: /Content-Type/ },
  {
    name: "deeply nested lists",
    body: `{"Name":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    message: /cannot unmarshal array/,
  },
  { name: "an unclosed nest", body: "[".repeat(200_000), message: /^invalid JSON: / },
  { name: "an oversized body", body: `{"Name":"${"x".repeat(MAX_BODY_BYTES)}"}`, message: /larger than/ },
  { name: "invalid UTF-8 in a number's place", body: '{"Labels":{"a":\uffff}}', message: /^invalid JSON: / },
]) {
  test(`${name}: 400`, async () => {
    await using api = await startTestApi();
    const reply = await api.call("POST", "/v1.45/secrets/create", body, headers as Record<string, string>);
    assert.equal(reply.status, 400);
    assert.match((reply.json as { message: string }).message, message);
    assert.deepEqual(api.control.calls, []);
  });
}

test("deeply nested junk in unknown fields is ignored", async () => {
  await using api = await startTestApi();
  const junk = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
  const reply = await api.call("POST", "/secrets/create", `{"Name":"s","Data":"eA==","Junk":${junk}}`);
  assert.equal(reply.status, 201);
  assert.deepEqual(api.control.calls, [["createSecret", { Name: "s", Labels: {}, Data: "eA==" }]]);
});

test("content types are compared without their parameters and case", async () => {
  await using api = await startTestApi();
  const reply = await api.call("POST", "/secrets/create", '{"Name":"s"}', {
    "Content-Type": "Application/JSON; charset=utf-8",
  });
  assert.equal(reply.status, 201);
});

test("a request that breaks off in its body changes nothing", async () => {
  await using api = await startTestApi();
  const socket = connect(api.path);
  socket.write(
    'POST /secrets/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"Name":"s"}',
  );
  socket.end();
  socket.resume();
  await once(socket, "close");
  assert.deepEqual(api.control.calls, []);
  assert.equal((await api.get("/secrets")).status, 200);
});
