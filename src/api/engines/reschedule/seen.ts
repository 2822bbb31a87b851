import type { Json } from "#api/convert/meta-json.ts";
import { asObject, field, textField, textsField } from "#api/raw-document.ts";
import type { Labels } from "#model/spec.ts";
import type { SeenContainer } from "#plan/reschedule/movable.ts";

/** A container as `GET /containers/json` lists it. Names with another slash are those that links give. */
export function seenInList(summary: Json): SeenContainer {
  const names = textsField(summary, "Names").map((name) => name.replace(/^\//, ""));
  return {
    id: textField(summary, "Id"),
    name: names.find((name) => !name.includes("/")) ?? "",
    labels: asObject(summary["Labels"]) as Labels,
    state: textField(summary, "State"),
  };
}

/** The same, as `GET /containers/{id}/json` shows it. */
export const seenInspected = (inspected: Json): SeenContainer => ({
  id: textField(inspected, "Id"),
  name: textField(inspected, "Name").replace(/^\//, ""),
  labels: asObject(field(inspected["Config"], "Labels")) as Labels,
  state: textField(inspected["State"], "Status"),
});
