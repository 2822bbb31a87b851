import type { Json } from "#api/convert/meta-json.ts";
import { asObject, field, textField, textsField, withField } from "#api/raw-document.ts";

/** Members of `HostConfig` that may name another container, as `container:ID`. */
const MODES = ["NetworkMode", "IpcMode", "PidMode"] as const;

/**
 * A container's document with the present ids of the containers that it names: those that have moved have new ones.
 * @param currentId the present id of one that had this id once; undefined for one that never moved.
 */
export function withCurrentIds(document: Json, currentId: (id: string) => string | undefined): Json {
  const current = (id: string) => currentId(id) ?? id;
  let host = asObject(field(document, "HostConfig"));
  for (const name of MODES) {
    const [, other] = /^container:(.+)$/.exec(textField(host, name)) ?? [];
    if (other !== undefined) host = withField(host, name, `container:${current(other)}`);
  }
  for (const name of ["VolumesFrom", "Links"] as const) {
    const named = textsField(host, name);
    if (named.length > 0)
      host = withField(
        host,
        name,
        named.map((one) => one.replace(/^[^:]+/, current)),
      );
  }
  return withField(document, "HostConfig", host);
}
