import type { Answer, ApiContext, Call } from "#api/call.ts";
import { chosenNode } from "#api/chosen-node.ts";
import type { Json } from "#api/convert/meta-json.ts";
import { textsField, withField } from "#api/raw-document.ts";
import { inventContainerName } from "#api/service-name.ts";
import { readContainer } from "./container-request.ts";
import { makeContainer } from "./make-container.ts";
import { askLeader } from "./pass-on.ts";

/** `POST /containers/create` for the whole cluster: see `makeContainer`. When no host has the image, the client pulls it. */
export async function createInCluster(api: ApiContext, call: Call): Promise<Answer> {
  const document = onChosenNode(api, call, await readContainer(call.request));
  const { query } = call;
  const decided = await askLeader(api, call, `/containers/create?${query.toString()}`, document);
  if (decided !== undefined) return decided;
  const name = query.get("name")?.replace(/^\//, "") || inventContainerName(api.random);
  return (await makeContainer(api, call, { name, document, query })).answer;
}

/** A client that uses one node alone gets its containers there. */
function onChosenNode(api: ApiContext, call: Call, document: Json): Json {
  const nodeId = chosenNode(api, call);
  if (nodeId === undefined) return document;
  return withField(document, "Env", [...textsField(document, "Env"), `constraint:node==${nodeId}`]);
}
