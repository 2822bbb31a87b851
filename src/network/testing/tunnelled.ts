import { macOf } from "#model/mac-address.ts";

interface Datagram {
  readonly vni: number;
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly toPort: number;
}

/** A datagram to a container as it would come out of a tunnel: VXLAN (RFC 7348), Ethernet, IPv4 and UDP. */
export function tunnelled({ vni, from, to, port, toPort }: Datagram): Buffer {
  const body = Buffer.from("boo");
  const vxlan = Buffer.alloc(8);
  vxlan[0] = 0x08;
  vxlan.writeUIntBE(vni, 4, 3);
  const ethernet = Buffer.concat([mac(to), mac(from), Buffer.from([0x08, 0x00])]);
  const udp = Buffer.alloc(8); // a checksum of 0 is none
  udp.writeUInt16BE(toPort, 0);
  udp.writeUInt16BE(port, 2);
  udp.writeUInt16BE(8 + body.length, 4);
  const ipv4 = Buffer.alloc(20);
  ipv4.writeUInt16BE(0x4500, 0);
  ipv4.writeUInt16BE(28 + body.length, 2);
  ipv4.writeUInt16BE(0x4011, 8);
  ipv4.set(bytes(from), 12);
  ipv4.set(bytes(to), 16);
  ipv4.writeUInt16BE(checksum(ipv4), 10);
  return Buffer.concat([vxlan, ethernet, ipv4, udp, body]);
}

const bytes = (address: string): number[] => address.split(".").map(Number);
const mac = (address: string): Buffer => Buffer.from(macOf(address).replaceAll(":", ""), "hex");

function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
