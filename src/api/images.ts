import { type Answer, type ApiContext, type Call, clusterCalls, isForCluster } from "./call.ts";

/** `GET /images/json` */
export async function listImagesOf(api: ApiContext, call: Call): Promise<Answer> {
  return isForCluster(api, call) ? await (await clusterCalls()).listImages(api, call) : { kind: "forward" };
}

/** `POST /images/create`: pulls; what is imported from the request's body stays on this host. */
export async function createImage(api: ApiContext, call: Call): Promise<Answer> {
  const isPull = call.query.has("fromImage") && !call.query.has("fromSrc");
  if (!isPull || !isForCluster(api, call)) return { kind: "forward" };
  return await (await clusterCalls()).pullImage(api, call);
}
