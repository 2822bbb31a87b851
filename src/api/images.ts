import { type Answer, type ApiContext, type Call, isForCluster } from "./call.ts";
import { listImages } from "./engines/images.ts";
import { pullImage } from "./engines/pull.ts";

/** `GET /images/json` */
export async function listImagesOf(api: ApiContext, call: Call): Promise<Answer> {
  return isForCluster(api, call) ? await listImages(api, call) : { kind: "forward" };
}

/** `POST /images/create`: pulls; what is imported from the request's body stays on this host. */
export async function createImage(api: ApiContext, call: Call): Promise<Answer> {
  const isPull = call.query.has("fromImage") && !call.query.has("fromSrc");
  return isPull && isForCluster(api, call) ? await pullImage(api, call) : { kind: "forward" };
}
