import { type Answer, type ApiContext, type Call, clusterCalls, isForCluster } from "./call.ts";

/** `GET /images/json` */
export async function listImagesOf(api: ApiContext, call: Call): Promise<Answer> {
  return isForCluster(api, call) ? await (await clusterCalls()).listImages(api, call) : { kind: "forward" };
}

/** `POST /images/create`: pulls, or imports. */
export async function createImage(api: ApiContext, call: Call): Promise<Answer> {
  if (!isForCluster(api, call)) return { kind: "forward" };
  const { importImage, pullImage } = await clusterCalls();
  return call.query.has("fromSrc") ? await importImage(api, call) : await pullImage(api, call);
}
