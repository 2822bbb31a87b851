import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "#base/random.ts";
import { answerFromNames } from "./answer.ts";
import { readQuestion } from "./message.ts";
import { Names } from "./names.ts";
import { endpoint, network, type QuestionType, questionFor, service } from "./testing.ts";

const names = new Names();
for (const object of [
  network("app", 1),
  service(
    "web",
    [{ networkId: "app", aliases: [], virtualIP: "10.0.1.2" }],
    [endpoint("web.1.aaa", { app: "10.0.1.5" }), endpoint("web.2.bbb", { app: "10.0.1.6" })],
    { ports: [{ protocol: "tcp", published: 8080, target: 80 }] },
  ),
  service(
    "db",
    [{ networkId: "app", aliases: [] }],
    Array.from({ length: 5 }, (_, index) => endpoint(`db.${index}`, { app: `10.0.1.${10 + index}` })),
  ),
  service("long", [{ networkId: "app", aliases: [] }], [endpoint("x".repeat(70), { app: "10.0.1.20" })]),
]) {
  names.update(object);
}
const random = seededRandom(1);

/** The records as `TYPE data`; a number for a code without records; undefined for a question for others. */
function ask(name: string, type: QuestionType) {
  const scope = names.scope("app", "10.0.1.5");
  const question = readQuestion(questionFor(name, type));
  assert.ok(scope && typeof question === "object");
  const reply = answerFromNames(names, scope, question, random);
  if (reply === undefined || reply.rcode !== 0) return reply?.rcode;
  return [...reply.answers, ...reply.additionals]
    .map((record) => `${record.type} ${JSON.stringify("data" in record ? record.data : "")}`.replaceAll('"', ""))
    .sort();
}

for (const { name, type, want } of [
  { name: "web", type: "A", want: ["A 10.0.1.2"] },
  { name: "tasks.web", type: "A", want: ["A 10.0.1.5", "A 10.0.1.6"] },
  { name: "web", type: "ANY", want: ["A 10.0.1.2"] },
  { name: "web", type: "AAAA", want: [] },
  { name: "web", type: "MX", want: [] },
  { name: "web", type: "TXT", want: [] },
  { name: "web", type: "PTR", want: [] },
  { name: "web", type: "SRV", want: [] },
  { name: "web.example", type: "A", want: undefined },
  { name: "web.example", type: "AAAA", want: undefined },
  { name: "5.1.0.10.in-addr.arpa", type: "PTR", want: ["PTR web.1.aaa.app"] },
  { name: "2.1.0.10.IN-ADDR.ARPA", type: "PTR", want: ["PTR web.app"] },
  { name: "99.1.0.10.in-addr.arpa", type: "PTR", want: 3 },
  { name: "20.1.0.10.in-addr.arpa", type: "PTR", want: 3 },
  { name: "8.8.8.8.in-addr.arpa", type: "PTR", want: undefined },
  { name: "300.1.0.10.in-addr.arpa", type: "PTR", want: undefined },
  { name: "1.0.10.in-addr.arpa", type: "PTR", want: undefined },
  {
    name: "_80._tcp.web",
    type: "SRV",
    want: [
      "A 10.0.1.5",
      "A 10.0.1.6",
      "SRV {priority:0,weight:0,port:80,target:web.1.aaa.app}",
      "SRV {priority:0,weight:0,port:80,target:web.2.bbb.app}",
    ],
  },
  { name: "_81._tcp.web", type: "SRV", want: [] },
  { name: "_http._tcp.web", type: "SRV", want: undefined },
  { name: "_80._tcp.example", type: "SRV", want: undefined },
] as const) {
  test(`${type} of ${name}: ${want === undefined ? "a question for others" : JSON.stringify(want)}`, () => {
    assert.deepEqual(ask(name, type), want);
  });
}

test("a question about another class is one for others", () => {
  const scope = names.scope("app", "10.0.1.5");
  const question = readQuestion(questionFor("web", "TXT", { questions: [{ type: "TXT", name: "web", class: "CH" }] }));
  assert.ok(scope && typeof question === "object");
  assert.equal(answerFromNames(names, scope, question, random), undefined);
});

test("each task comes first in its turn", () => {
  const scope = names.scope("app", "10.0.1.5");
  const question = readQuestion(questionFor("db"));
  assert.ok(scope && typeof question === "object");
  const firsts = Array.from({ length: 200 }, () => {
    const [first] = answerFromNames(names, scope, question, random)?.answers ?? [];
    return first?.type === "A" ? first.data : "";
  });
  assert.deepEqual(
    [...new Set(firsts)].sort(),
    Array.from({ length: 5 }, (_, index) => `10.0.1.${10 + index}`),
  );
});
