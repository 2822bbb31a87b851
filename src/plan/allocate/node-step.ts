import type { Node } from "#model/objects.ts";
import { sameJson } from "#plan/same-json.ts";
import type { Ledger } from "./ledger.ts";

/**
 * The node with an address of its own on each network that it takes part in, as far as there are any left, and on no
 * other. Notes where it is left without.
 */
export function settleNode(ledger: Ledger, node: Node): Node {
  const attachments: Record<string, string> = {};
  const wanted = ledger.networksOf(node.id);
  for (const networkId of wanted) {
    const use = ledger.use(networkId);
    const address = node.attachments?.[networkId] ?? use.nextFor(node.id);
    if (address !== undefined) attachments[networkId] = address;
    const isMissing = address === undefined;
    if (isMissing === use.wanting.has(node.id)) continue;
    if (isMissing) use.wanting.add(node.id);
    else use.wanting.delete(node.id);
    ledger.stir.networks.add(networkId);
  }
  if (sameJson(attachments, node.attachments ?? {})) return node;
  const { attachments: _, ...rest } = node;
  return Object.keys(attachments).length === 0 ? rest : { ...rest, attachments };
}
