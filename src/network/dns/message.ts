import { type Answer as DnsRecord, decode, encode, RECURSION_AVAILABLE } from "dns-packet";
import { MAX_QUESTION_BYTES, MAX_UDP_ANSWER_BYTES, MIN_UDP_ANSWER_BYTES } from "./limits.ts";

/** A record of an answer. */
export type { DnsRecord };

/** Response codes. Source: RFC 1035, section 4.1.1. */
export const RCODE = { ok: 0, malformed: 1, failed: 2, noSuchName: 3, notImplemented: 4, refused: 5 } as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

/** A message with one question, as it came. */
export interface Question {
  readonly packet: Buffer;
  /** Where the question ends in `packet`. */
  readonly endBytes: number;
  /** As the asker wrote it, without the final dot. */
  readonly name: string;
  /** `A`, `PTR`, …; `UNKNOWN_n` for others. */
  readonly type: string;
  readonly class: string;
  /** The longest answer that the asker takes over UDP; undefined when it speaks no EDNS. */
  readonly udpBytes: number | undefined;
}

/** What is answered from what we know ourselves. */
export interface Reply {
  readonly rcode: Rcode;
  readonly answers: readonly DnsRecord[];
  /** Left out if there is no room for all. */
  readonly additionals: readonly DnsRecord[];
}

/** A message's header. Source: RFC 1035, section 4.1.1. */
const HEADER_BYTES = 12;
const RESPONSE = 1 << 15;
const TRUNCATED = 1 << 9;
/** Opcode, "recursion desired" and "checking disabled": an answer repeats them. */
const REPEATED_FLAGS = 0x7910;
const OPCODE = 0x7800;
const LABEL_BYTES = 63;
const NAME_BYTES = 253;
/** "The name that stands at byte 12", which is the question's. Source: RFC 1035, section 4.1.4. */
const NAME_OF_QUESTION = Buffer.from([0xc0, HEADER_BYTES]);
/** Transfers of whole zones are not questions: their answer is a stream. */
const TRANSFERS = new Set(["AXFR", "IXFR"]);
/** What follows the name in a question: type and class. */
const TYPE_AND_CLASS_BYTES = 4;

/** @returns undefined for what no answer is due to: fragments, and answers (lest two servers talk for ever). */
export function readQuestion(packet: Buffer): Question | Rcode | undefined {
  if (packet.length < HEADER_BYTES || packet.readUInt16BE(2) & RESPONSE) return undefined;
  if (packet.readUInt16BE(2) & OPCODE) return RCODE.notImplemented;
  const endBytes = endOfQuestion(packet);
  if (endBytes === undefined) return RCODE.malformed;
  try {
    const { questions: [question] = [], additionals = [] } = decode(packet);
    if (question === undefined) return RCODE.malformed;
    if (TRANSFERS.has(question.type)) return RCODE.notImplemented;
    const edns = additionals.find((record) => record.type === "OPT");
    return {
      packet,
      endBytes,
      name: question.name,
      type: question.type,
      class: question.class ?? "IN",
      udpBytes: edns && Math.max(MIN_UDP_ANSWER_BYTES, Math.min(edns.udpPayloadSize, MAX_UDP_ANSWER_BYTES)),
    };
  } catch {
    return RCODE.malformed;
  }
}

/**
 * Looks at the form before anything is decoded: one question, no more records than EDNS and a signature need, and no
 * compressed name. Decoding is then bounded: a hostile packet could else make it follow pointers for seconds.
 */
function endOfQuestion(packet: Buffer): number | undefined {
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((offset) => packet.readUInt16BE(offset));
  if (packet.length > MAX_QUESTION_BYTES || questions !== 1 || answers !== 0 || authorities !== 0) return undefined;
  if (additionals === undefined || additionals > 2) return undefined;
  let end = HEADER_BYTES;
  for (let label = packet[end]; label !== 0; label = packet[end]) {
    if (label === undefined || label > LABEL_BYTES) return undefined;
    end += 1 + label;
  }
  end += 1 + TYPE_AND_CLASS_BYTES;
  return end <= packet.length ? end : undefined;
}

/** Whether a name can stand in a message at all: names of containers and networks may be longer than DNS allows. */
export const isDnsName = (name: string): boolean =>
  Buffer.byteLength(name) <= NAME_BYTES &&
  name.split(".").every((label) => label.length > 0 && Buffer.byteLength(label) <= LABEL_BYTES);

/** The answer to a question, of at most `limitBytes`: marked as truncated if that is not enough for all answers. */
export function encodeReply(question: Question, reply: Reply, limitBytes: number): Buffer {
  const edns = question.udpBytes === undefined ? [] : [encodeRecord(EDNS)];
  const asked = question.packet.subarray(HEADER_BYTES, question.endBytes);
  let room = limitBytes - HEADER_BYTES - asked.length - sizeOf(edns);
  const answers: Buffer[] = [];
  for (const record of reply.answers) {
    const encoded = Buffer.concat([NAME_OF_QUESTION, encodeRecord({ ...record, name: "." }).subarray(1)]);
    room -= encoded.length;
    if (room < 0) break;
    answers.push(encoded);
  }
  const truncated = room < 0;
  const additionals = reply.additionals.map(encodeRecord);
  const extra = sizeOf(additionals) <= room ? [...additionals, ...edns] : edns;
  const header = headerOf(question.packet, reply.rcode, truncated);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt16BE(extra.length, 10);
  return Buffer.concat([header, asked, ...answers, ...extra]);
}

/** The answer to a message that is no question. */
export const encodeFailure = (packet: Buffer, rcode: Rcode): Buffer => headerOf(packet, rcode, false);

/** Whether a message is an answer to this question, of the given id: else somebody made it up. */
export function isAnswerTo(question: Question, id: number, message: Buffer): boolean {
  if (message.length < question.endBytes || message.readUInt16BE(0) !== id) return false;
  if (!(message.readUInt16BE(2) & RESPONSE)) return false;
  const [asked, repeated] = [question.packet, message].map((bytes) =>
    bytes.toString("latin1", HEADER_BYTES, question.endBytes).toLowerCase(),
  );
  return asked === repeated;
}

/** The same message under another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

export const idOf = (message: Buffer): number => message.readUInt16BE(0);
export const rcodeOf = (message: Buffer): number => message.readUInt16BE(2) & 0xf;

/** A header that answers a message, with no records announced. */
function headerOf(packet: Buffer, rcode: Rcode, truncated: boolean): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  packet.copy(header, 0, 0, 2);
  const repeated = packet.readUInt16BE(2) & REPEATED_FLAGS;
  header.writeUInt16BE(RESPONSE | repeated | RECURSION_AVAILABLE | (truncated ? TRUNCATED : 0) | rcode, 2);
  return header;
}

const encodeRecord = (record: DnsRecord): Buffer => encode({ answers: [record] }).subarray(HEADER_BYTES);

const sizeOf = (parts: readonly Buffer[]): number => parts.reduce((sum, part) => sum + part.length, 0);

/** Shows that we read EDNS, and what we take. */
const EDNS: DnsRecord = {
  type: "OPT",
  name: ".",
  udpPayloadSize: MAX_QUESTION_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};
