import { BlockList, isIP } from "node:net";

const family = (address: string): "ipv4" | "ipv6" | undefined => {
  const version = isIP(address);
  return version === 4 ? "ipv4" : version === 6 ? "ipv6" : undefined;
};

/**
 * Whether `address` is `range` (one address) or lies in it (CIDR notation). Undefined when `range` is neither.
 */
export function addressInRange(address: string, range: string): boolean | undefined {
  const [base = "", bits, ...rest] = range.split("/");
  const type = family(base);
  if (type === undefined || rest.length > 0) return undefined;
  const prefix = bits === undefined ? (type === "ipv4" ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (prefix < 0 || prefix > (type === "ipv4" ? 32 : 128)) return undefined;
  const block = new BlockList();
  block.addSubnet(base, prefix, type);
  const own = family(address);
  return own !== undefined && block.check(address, own);
}
