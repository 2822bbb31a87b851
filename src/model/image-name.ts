const DOCKER_HUB = /^(?:docker\.io\/|index\.docker\.io\/)(?:library\/(?=[^/]+$))?/;

/** Whether the reference is an image's id rather than a name. */
export const isImageId = (reference: string): boolean => /^(?:sha256:)?[0-9a-f]{64}$/.test(reference);

/** Whether the reference names its content, which therefore never changes. */
export const hasDigest = (reference: string): boolean => reference.includes("@");

/** The reference with the tag `latest` when it has neither tag nor digest: an engine pulls every tag of such a one. */
export function pullReference(reference: string): string {
  if (isImageId(reference) || hasDigest(reference)) return reference;
  const name = reference.slice(reference.lastIndexOf("/") + 1);
  return name.includes(":") ? reference : `${reference}:latest`;
}

/** The reference as Docker shows it: without the parts that stand for Docker Hub, with its tag. */
export const familiarReference = (reference: string): string => pullReference(reference).replace(DOCKER_HUB, "");
