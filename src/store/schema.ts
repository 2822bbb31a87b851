import { FlotillaError } from "#base/errors.ts";

/** An object as it was stored, before anything is known of it. */
export type StoredObject = Readonly<Record<string, unknown>>;

/** Makes an object of one schema into one of the next. */
export type SchemaStep = (object: StoredObject) => StoredObject;

/** The objects that were stored before schemas had numbers: fields were only added since, and all may be missing. */
const unnumbered: SchemaStep = (object) => object;

/** What leads from each schema to the next; the newest schema that can be read is their number. */
const STEPS: readonly SchemaStep[] = [unnumbered];

/**
 * The schema of the objects that this version stores. A new one is read from one release on, and written from the next:
 * while managers are replaced one by one, the older ones can read what the newer ones write.
 *
 * A field that may be missing needs no new schema: who does not know it keeps it (`{ ...object, … }`).
 */
const WRITTEN = 1;

/** The text of an object: the number of its schema, then JSON. */
export const renderStored = (object: object): string => `${WRITTEN}${JSON.stringify(object)}`;

/**
 * An object from such a text, in the newest schema, whatever it was stored in.
 * @throws SyntaxError for what is not JSON, FlotillaError `precondition` when only newer versions know its schema.
 */
export function parseStored(text: string, steps: readonly SchemaStep[] = STEPS): StoredObject {
  const begin = text.indexOf("{");
  const number = text.slice(0, Math.max(0, begin));
  if (begin === -1 || !/^\d*$/.test(number)) throw new SyntaxError("there is no object with its schema's number");
  const schema = Number(number);
  if (schema > steps.length) {
    throw new FlotillaError(
      "precondition",
      `schema ${schema}, this version reads up to ${steps.length}: use the version that wrote it, or a newer one`,
    );
  }
  const object = JSON.parse(text.slice(begin)) as StoredObject;
  return steps.slice(schema).reduce((older, step) => step(older), object);
}
