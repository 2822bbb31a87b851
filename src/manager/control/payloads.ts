import { isDeepStrictEqual } from "node:util";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { commitFresh, commitOnce } from "#manager/commit.ts";
import type { Control } from "#manager/control.ts";
import type { ClusterState } from "#manager/state.ts";
import { MAX_CONFIG_BYTES, MAX_SECRET_BYTES } from "#model/defaults.ts";
import type { Config, Secret } from "#model/objects.ts";
import type { ConfigSpec, SecretSpec } from "#model/spec.ts";
import { validatePayloadName } from "#model/validate-name.ts";

interface Deps {
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly newId: () => string;
}

type PayloadKind = "secret" | "config";
type PayloadControl = Pick<
  Control,
  "createSecret" | "updateSecret" | "removeSecret" | "createConfig" | "updateConfig" | "removeConfig"
>;

/** Secrets and configs: immutable but for their labels, and kept while a service refers to them. */
export function createPayloadControl({ state, clock, newId }: Deps): PayloadControl {
  const { view } = state;

  async function create(kind: PayloadKind, spec: SecretSpec | ConfigSpec, signal: AbortSignal): Promise<string> {
    const now = clock.now();
    const object = { kind, id: newId(), version: 0, createdAt: now, updatedAt: now, spec } as Secret | Config;
    await commitOnce(state, [{ type: "create", object }], signal);
    return object.id;
  }

  async function update(
    kind: PayloadKind,
    id: string,
    version: number,
    spec: SecretSpec | ConfigSpec,
    signal: AbortSignal,
  ): Promise<void> {
    const old = view.get(kind, id);
    if (old === undefined) throw new FlotillaError("not_found", `${kind} ${id} not found`);
    const same =
      spec.Name === old.spec.Name &&
      (!spec.Data || spec.Data === old.spec.Data) &&
      isDeepStrictEqual(spec.Templating ?? old.spec.Templating, old.spec.Templating);
    if (!same) throw new FlotillaError("invalid", "only updates to Labels are allowed");
    const object = { ...old, spec: { ...old.spec, Labels: spec.Labels }, updatedAt: clock.now() } as Secret | Config;
    await commitOnce(state, [{ type: "update", object, expect: version }], signal);
  }

  async function remove(kind: PayloadKind, id: string, signal: AbortSignal): Promise<void> {
    const build = () => {
      const object = view.get(kind, id);
      if (object === undefined) throw new FlotillaError("not_found", `could not find ${kind} ${id}`);
      const users = [...view.servicesUsing(kind, id)].map((service) => service.spec.Name);
      if (users.length > 0) {
        const services = users.length > 1 ? "services" : "service";
        throw new FlotillaError(
          "invalid",
          `${kind} '${object.spec.Name}' is in use by the following ${services}: ${users.join(", ")}`,
        );
      }
      return [{ type: "delete" as const, kind, id, expect: object.version }];
    };
    await commitFresh(state, build, signal);
  }

  return {
    async createSecret(spec, signal) {
      validateSecret(spec);
      return create("secret", spec, signal);
    },
    updateSecret: (id, version, spec, signal) => update("secret", id, version, spec, signal),
    removeSecret: (id, signal) => remove("secret", id, signal),
    async createConfig(spec, signal) {
      validateConfig(spec);
      return create("config", spec, signal);
    },
    updateConfig: (id, version, spec, signal) => update("config", id, version, spec, signal),
    removeConfig: (id, signal) => remove("config", id, signal),
  };
}

function validateSecret(spec: SecretSpec): void {
  validatePayloadName(spec.Name);
  if (spec.Driver !== undefined) {
    if (!spec.Driver.Name) throw new FlotillaError("invalid", "secret driver must have a name");
    throw new FlotillaError("unimplemented", `secret driver ${spec.Driver.Name}: secret drivers are not supported`);
  }
  validateSize("secret", spec.Data ?? "", MAX_SECRET_BYTES);
}

function validateConfig(spec: ConfigSpec): void {
  validatePayloadName(spec.Name);
  validateSize("config", spec.Data, MAX_CONFIG_BYTES);
}

function validateSize(kind: PayloadKind, data: string, limit: number): void {
  const bytes = Buffer.byteLength(data, "base64");
  if (bytes === 0 || bytes >= limit) {
    throw new FlotillaError("invalid", `${kind} data must be larger than 0 and less than ${limit} bytes`);
  }
}
