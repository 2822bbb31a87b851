/** The grammar of image references (source: distribution reference package). Parts are linear-time: no nested repeats. */
const DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = `(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?`;
const PATH_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const REFERENCE = new RegExp(
  `^(?:${DOMAIN}/)?${PATH_PART}(?:/${PATH_PART})*(?::[\\w][\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);
/** Longest repository name (source: distribution reference package), plus tag and digest. */
const MAX_LENGTH = 255 + 1 + 128 + 1 + 200;

/** Whether `text` names an image: `[host[:port]/]path[:tag][@digest]`. */
export const isImageReference = (text: string): boolean =>
  text.length <= MAX_LENGTH && !/^[0-9a-f]{64}$/.test(text) && REFERENCE.test(text);
