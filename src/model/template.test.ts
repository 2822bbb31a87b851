import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FlotillaError } from "#base/errors.ts";
import { expandPayload, expandTaskSpec, type TemplateNode, type TemplateTask } from "./template.ts";
import { TEMPLATE_FUNCTIONS } from "./template-functions.ts";
import { runTemplate } from "./template-run.ts";

const node: TemplateNode = {
  id: "node1",
  description: { Hostname: "h1", Platform: { Architecture: "x86_64", OS: "linux" } },
};

const task = (changes: Partial<TemplateTask> = {}): TemplateTask => ({
  id: "task1",
  spec: { ForceUpdate: 0 },
  slot: 3,
  nodeId: "node1",
  serviceId: "service1",
  serviceName: "web",
  serviceLabels: { tier: "front", "com.example/zone": "z1", empty: "" },
  ...changes,
});

const expand = (template: string, changes: Partial<TemplateTask> = {}): string => {
  const spec = { ForceUpdate: 0, ContainerSpec: { Image: "i", Env: [`X=${template}`] } };
  return expandTaskSpec(task({ spec, ...changes }), node).ContainerSpec?.Env?.[0]?.slice(2) ?? "";
};

const EXPANSIONS: readonly { readonly name: string; readonly template: string; readonly want: string }[] = [
  { name: "text stays", template: "a}}b", want: "a}}b" },
  { name: "the service", template: "{{.Service.ID}}/{{.Service.Name}}", want: "service1/web" },
  {
    name: "the node",
    template: "{{.Node.ID}} {{.Node.Hostname}} {{.Node.Platform.OS}}/{{.Node.Platform.Architecture}}",
    want: "node1 h1 linux/x86_64",
  },
  { name: "the task", template: "{{.Task.ID}} {{.Task.Name}} {{.Task.Slot}}", want: "task1 web.3.task1 3" },
  { name: "a label by index", template: '{{ index .Service.Labels "com.example/zone" }}', want: "z1" },
  { name: "a missing label by index is empty", template: '[{{ index .Service.Labels "no" }}]', want: "[]" },
  { name: "a label as a field", template: "{{.Service.Labels.tier}}", want: "front" },
  { name: "white space is trimmed", template: "a \t{{- .Task.Slot -}} \n b", want: "a3b" },
  { name: "a minus without a space is a number", template: "{{-1}} {{ -1 }}", want: "-1 -1" },
  { name: "comments vanish", template: "a {{- /* }} x */ -}} b{{/* y */}}c", want: "abc" },
  { name: "string literals", template: '{{"a\\t\\"\\u0041\\x42"}}{{`r\\w`}}', want: 'a\t"ABr\\w' },
  { name: "join takes its separator first", template: '{{join "-" .Service.Name .Task.Slot}}', want: "web-3" },
  { name: "a pipe appends the argument", template: '{{.Task.Slot | printf "%s-%s" .Service.Name}}', want: "web-3" },
  { name: "parentheses", template: '{{join "," (index .Service.Labels "tier") (print 1 2)}}', want: "front,1 2" },
  {
    name: "printf verbs",
    template: '{{printf "%5s|%-5s|%03d|%q|%v|%t|%%" "a" "b" 7 "q" 1.5 true}}',
    want: '    a|b    |007|"q"|1.5|true|%',
  },
  { name: "print separates what is not text", template: '{{print 1 2 "a" 3 true}}', want: "1 2a3 true" },
  { name: "if", template: "{{if .Service.Labels.tier}}yes{{else}}no{{end}}", want: "yes" },
  { name: "empty text is false", template: "{{if .Service.Labels.empty}}yes{{else}}no{{end}}", want: "no" },
  {
    name: "else if",
    template: '{{if eq .Task.Slot "1"}}one{{else if eq .Task.Slot "2" "3"}}few{{else}}many{{end}}',
    want: "few",
  },
  { name: "ne, and, or, not", template: '{{and (ne "a" "b") (or "" "x") (not false)}}', want: "true" },
  { name: "lt and len", template: '{{lt 1 2}} {{len "ä"}} {{len .Service.Labels}}', want: "true 2 3" },
  {
    name: "with moves the dot",
    template: "{{with .Service}}{{.Name}} of {{$.Node.Hostname}}{{end}}",
    want: "web of h1",
  },
  { name: "with of nothing", template: '{{with ""}}x{{else}}y{{end}}', want: "y" },
  {
    name: "range over a map, sorted",
    template: "{{range $k, $v := .Service.Labels}}{{$k}}={{$v}};{{end}}",
    want: "com.example/zone=z1;empty=;tier=front;",
  },
  { name: "range moves the dot", template: "{{range .Service.Labels}}<{{.}}>{{end}}", want: "<z1><><front>" },
  {
    name: "variables",
    template: "{{$n := .Service.Name}}{{if true}}{{$n}}{{$n := 1}}{{$n}}{{end}}{{$n}}",
    want: "web1web",
  },
  {
    name: "a map prints as Go prints it",
    template: "{{.Service.Labels}}",
    want: "map[com.example/zone:z1 empty: tier:front]",
  },
];

for (const { name, template, want } of EXPANSIONS) {
  test(`expands: ${name}`, () => assert.equal(expand(template), want));
}

const REFUSALS: readonly { readonly name: string; readonly template: string; readonly message: RegExp }[] = [
  { name: "an unknown field", template: "{{.Service.Nope}}", message: /can't evaluate field Nope/ },
  { name: "a field of text", template: "{{.Service.Name.X}}", message: /can't evaluate field X/ },
  { name: "an inherited field", template: "{{.constructor}}", message: /can't evaluate field constructor/ },
  { name: "a missing label as a field", template: "{{.Service.Labels.no}}", message: /map has no entry for key "no"/ },
  { name: "an unknown function", template: "{{if false}}{{env `X`}}{{end}}", message: /function "env" not defined/ },
  { name: "an unclosed action", template: "{{.Service.Name", message: /unclosed action/ },
  { name: "an empty action", template: "{{ }}", message: /missing value/ },
  { name: "an unclosed block", template: "{{if true}}x", message: /\{\{if\}\} without \{\{end\}\}/ },
  { name: "an end too many", template: "x{{end}}", message: /unexpected \{\{end\}\}/ },
  { name: "an unclosed parenthesis", template: '{{print (print "a"}}', message: /unclosed \(/ },
  { name: "a parenthesis too many", template: '{{print "a")}}', message: /unexpected \)/ },
  { name: "a nested template", template: '{{template "x"}}', message: /unsupported action \{\{template\}\}/ },
  { name: "an assignment", template: "{{$x = 1}}", message: /unsupported: "= 1/ },
  { name: "a field of a parenthesis", template: "{{(print 1).X}}", message: /unsupported: a field of a parenthesis/ },
  { name: "an undefined variable", template: "{{$x}}", message: /undefined variable \$x/ },
  { name: "an argument to a value", template: '{{.Service.Name "x"}}', message: /only a function/ },
  { name: "an unequal comparison", template: '{{eq 1 "1"}}', message: /can't compare/ },
  { name: "an unsupported verb", template: '{{printf "%x" 1}}', message: /unsupported: printf/ },
  { name: "deep nesting", template: `${"{{if true}}".repeat(200)}${"{{end}}".repeat(200)}`, message: /nested/ },
  { name: "deep parentheses", template: `{{${"(".repeat(5000)}}}`, message: /nested/ },
];

for (const { name, template, message } of REFUSALS) {
  test(`refuses: ${name}`, () => {
    assert.throws(
      () => expand(template),
      (err) => {
        assert.ok(err instanceof FlotillaError);
        assert.equal(err.code, "invalid");
        assert.match(err.message, message);
        return true;
      },
    );
  });
}

test("nested ranges end before they keep the process busy", () => {
  const serviceLabels = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`l${at}`, "v"]));
  const nested = `${"{{range $.Service.Labels}}".repeat(10)}x${"{{end}}".repeat(10)}`;
  assert.throws(() => expand(nested, { serviceLabels }), /takes more than/);
});

test("any text is expanded or refused, never a crash", () => {
  const pieces = [
    "{{",
    "}}",
    "-",
    " ",
    ".A",
    "if ",
    "end",
    "else",
    "range ",
    "(",
    ")",
    "|",
    '"',
    "`",
    "$x",
    ":=",
    ",",
    "/*",
    "*/",
    "print ",
    "1",
    "\\",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces)), (parts) => {
      try {
        runTemplate(parts.join(""), { A: "a" }, TEMPLATE_FUNCTIONS);
      } catch (err) {
        assert.ok(err instanceof FlotillaError, String(err));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("global tasks have the node's id for a slot", () => {
  assert.equal(expand("{{.Task.Slot}} {{.Task.Name}}", { slot: 0 }), "node1 web.node1.task1");
});

test("only the fields that Docker names are expanded", () => {
  const t = "{{.Service.Name}}";
  const spec = expandTaskSpec(
    task({
      spec: {
        ForceUpdate: 0,
        ContainerSpec: {
          Image: t,
          Args: [t],
          Labels: { a: t },
          Hostname: t,
          Env: [`${t}=${t}`, t],
          Mounts: [
            {
              Type: "volume",
              Source: t,
              Target: `/${t}`,
              VolumeOptions: { Labels: { [t]: t }, DriverConfig: { Name: t, Options: { [t]: t } } },
            },
          ],
        },
      },
    }),
    node,
  );
  assert.deepEqual(spec.ContainerSpec, {
    Image: t,
    Args: [t],
    Labels: { a: t },
    Hostname: "web",
    Env: [`${t}=web`, t],
    Mounts: [
      {
        Type: "volume",
        Source: "web",
        Target: "/web",
        VolumeOptions: { Labels: { [t]: "web" }, DriverConfig: { Name: t, Options: { [t]: "web" } } },
      },
    ],
  });
});

test("a refusal names the field", () => {
  assert.throws(() => expand("{{.No}}"), /expanding env "\{\{\.No\}\}": template: can't evaluate field No/);
});

test("payloads can use secrets, configs and the environment", () => {
  const spec = { ForceUpdate: 0, ContainerSpec: { Image: "i", Env: ["A=1", "B={{.Task.Slot}}"] } };
  const sources = {
    secret: (target: string) => `secret:${target}`,
    config: (target: string) => {
      throw new FlotillaError("not_found", `config target ${target} not found`);
    },
  };
  const payload = '{{.Service.Name}} {{secret "key"}} {{env "A"}} {{env "B"}} [{{env "C"}}]';
  assert.equal(expandPayload(payload, task({ spec }), node, sources), "web secret:key 1 {{.Task.Slot}} []");
  assert.throws(() => expandPayload('{{config "x"}}', task({ spec }), node, sources), { code: "not_found" });
});
