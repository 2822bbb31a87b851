import { type Random, randomInt } from "#base/random.ts";
import { ANSWER_TTL_SECONDS } from "./limits.ts";
import { type DnsRecord, isDnsName, type Question, RCODE, type Reply } from "./message.ts";
import { isOn, type Names, type Scope } from "./names.ts";

/**
 * What we know of a question ourselves; undefined when it is one for the world outside.
 *
 * A name of the cluster is never asked outside, whatever the type of the question: the world would say that it does not
 * exist, and learn of it. So there are answers without records (to AAAA, as all addresses are IPv4, to MX, …).
 */
export function answerFromNames(names: Names, scope: Scope, question: Question, random: Random): Reply | undefined {
  if (question.class !== "IN" && question.class !== "ANY") return undefined;
  switch (question.type) {
    case "PTR":
      return answerPointer(names, scope, question.name) ?? answerAddresses(names, scope, question, random);
    case "SRV":
      return answerService(names, scope, question.name, random) ?? answerAddresses(names, scope, question, random);
    default:
      return answerAddresses(names, scope, question, random);
  }
}

function answerAddresses(names: Names, scope: Scope, question: Question, random: Random): Reply | undefined {
  const addresses = names.addresses(scope, question.name);
  if (addresses === undefined) return undefined;
  if (question.type !== "A" && question.type !== "ANY") return replyWith([]);
  return replyWith(shuffled(addresses, random).map((address) => addressRecord(question.name, address)));
}

/** The name of an address. Those of the asker's networks are all ours to know, also those that nobody has. */
function answerPointer(names: Names, scope: Scope, reversed: string): Reply | undefined {
  const address = addressIn(reversed);
  if (address === undefined) return undefined;
  const name = names.nameOf(scope, address);
  if (name !== undefined && isDnsName(name)) {
    return replyWith([{ type: "PTR", name: reversed, ttl: ANSWER_TTL_SECONDS, data: name }]);
  }
  const ours = scope.networks.some((network) => isOn(network, address));
  return ours ? { rcode: RCODE.noSuchName, answers: [], additionals: [] } : undefined;
}

/** `_80._tcp.web`: where the port 80 that the service publishes is, task by task. */
function answerService(names: Names, scope: Scope, name: string, random: Random): Reply | undefined {
  const [, port, protocol, service] = /^_(\d{1,5})\._(tcp|udp|sctp)\.(.+)$/i.exec(name) ?? [];
  if (port === undefined || protocol === undefined || service === undefined) return undefined;
  const targets = names.targets(scope, service, protocol.toLowerCase(), Number(port));
  if (targets === undefined) return undefined;
  const usable = shuffled(targets, random).filter((target) => isDnsName(target.name));
  return {
    ...replyWith(
      usable.map((target) => ({
        type: "SRV",
        name,
        ttl: ANSWER_TTL_SECONDS,
        data: { priority: 0, weight: 0, port: target.port, target: target.name },
      })),
    ),
    additionals: usable.map((target) => addressRecord(target.name, target.address)),
  };
}

const replyWith = (answers: readonly DnsRecord[]): Reply => ({ rcode: RCODE.ok, answers, additionals: [] });

const addressRecord = (name: string, address: string): DnsRecord => ({
  type: "A",
  name,
  ttl: ANSWER_TTL_SECONDS,
  data: address,
});

/** `10.0.1.7` for `7.1.0.10.in-addr.arpa`. */
const addressIn = (reversed: string): string | undefined =>
  /^(\d{1,3}(?:\.\d{1,3}){3})\.in-addr\.arpa$/i.exec(reversed)?.[1]?.split(".").reverse().join(".");

/** Askers take the first address, as a rule: each order is as likely as any other. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(randomInt(random, 0, rest.length), 1));
}
