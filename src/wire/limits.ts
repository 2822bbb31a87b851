/** The bounds of the protocol, so that neither a stranger nor a confused daemon can exhaust a manager. */

/** The largest message. A config of 1,000 kB is 1.4 MB as JSON with base64. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Lists that may be long are sent in parts of about this size. */
export const PART_BYTES = 1024 * 1024;
/** The largest message of a caller who need not be known: a request for a certificate. */
export const MAX_STRANGER_MESSAGE_BYTES = 64 * 1024;

/** What a container is called on a network: as long as a name in DNS may be (RFC 1035), and so many of them. */
export const MAX_NAME_LENGTH = 253;
export const MAX_ALIASES = 64;

/** Calls in flight on one connection: of a node, of a stranger. */
export const MAX_STREAMS = 256;
export const MAX_STRANGER_STREAMS = 4;

/** Connections that have not shown a valid certificate: of one address, of all. */
export const MAX_STRANGERS_PER_ADDRESS = 128;
export const MAX_STRANGERS = 2_048;
/** How long one of them may last. It is there to fetch a root or a certificate, nothing else. */
export const STRANGER_LIFE_MS = 60_000;
/** The TLS handshake must be over by then. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;
/** A connection from which nothing has come for this long is dead: clients ping each second. */
export const IDLE_TIMEOUT_MS = 30_000;
/** How long calls in flight may take to end when a server stops. */
export const STOP_GRACE_MS = 1_000;

/** How soon a client pings on a silent connection, and how long it waits for the answer ... */
export const PING_INTERVAL_MS = 200;
export const PING_TIMEOUT_MS = 400;
/**
 * ... and how many answers in a row may be missing: a dead peer is seen in 1 s. One is not enough: a process that was
 * held up itself finds that its wait is over before it reads the answer.
 */
export const MISSED_PINGS = 2;
/** TCP and TLS together. */
export const CONNECT_TIMEOUT_MS = 5_000;
/** One call that is no stream. Source: fact sheet 6.5. */
export const CALL_TIMEOUT_MS = 5_000;
/** Until a manager is a member of the store: the first to join has the store of the only manager moved. */
export const JOIN_TIMEOUT_MS = 60_000;
/** Until a container has its place on a network: several loops take part in it. Source: fact sheet 8.7. */
export const ATTACH_TIMEOUT_MS = 20_000;
/** The issuing of a certificate: several external CAs may have to be asked, 5 s each. */
export const ISSUE_TIMEOUT_MS = 20_000;

/** The longest line at the beginning of a tunnel, in bytes. */
export const TUNNEL_LINE_BYTES = 1_024;
/** The first line of a tunnel must be there by then. */
export const TUNNEL_HELLO_MS = 5_000;
/** A tunnel on which nothing moves is probed after this long; libuv then gives its peer 10 s. */
export const TUNNEL_KEEP_ALIVE_MS = 5_000;
