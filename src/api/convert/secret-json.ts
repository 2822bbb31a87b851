import type { Config, Secret } from "#model/objects.ts";
import { type Json, metaJson } from "./meta-json.ts";

/** Docker's JSON of a secret: all but its data. Source: fact sheet 1.9. */
export const secretJson = (secret: Secret): Json => ({
  ...metaJson(secret),
  Spec: {
    Name: secret.spec.Name,
    Labels: secret.spec.Labels,
    Driver: secret.spec.Driver,
    Templating: secret.spec.Templating,
  },
});

/** Docker's JSON of a config, with its data. Source: fact sheet 1.9. */
export const configJson = (config: Config): Json => ({
  ...metaJson(config),
  Spec: {
    Name: config.spec.Name,
    Labels: config.spec.Labels,
    Data: config.spec.Data,
    Templating: config.spec.Templating,
  },
});
