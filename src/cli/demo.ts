/** What `flotilla up` makes. */
export const DEMO = {
  /** The docker CLI's context for the cluster. */
  context: "flotilla",
  service: "web",
  image: "flotilla/demo:1",
  nextImage: "flotilla/demo:2",
  replicas: 6,
} as const;
