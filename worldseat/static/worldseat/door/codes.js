// What a ticket's code says, and whether one of our keys signed it: sales/ticket_codes.py, here.
const CONTEXT = new TextEncoder().encode("worldseat-ticket\n");
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LENGTH = 152;
const SIGNED = 31;

/** A code that admits nobody; `why` is "not-a-ticket", "unknown-key" or "forged". */
export class BadCode extends Error {
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/** Return the code as it is printed: without spaces, in capitals. */
export function clean(text) {
  return text.replace(/\s+/g, "").toUpperCase();
}

/** Return {ticket, event, issue} of a code that a key of the JWK Set signed; throws BadCode. */
export async function readCode(text, keys) {
  const raw = decode(clean(text));
  if (!raw || raw[0] !== 1) throw new BadCode("not-a-ticket");
  const kid = hex(raw.subarray(1, 5));
  const key = keys.find((each) => each.kid === kid);
  if (!key) throw new BadCode("unknown-key");
  const message = new Uint8Array([...CONTEXT, ...raw.subarray(0, SIGNED)]);
  if (!(await isSigned(key, raw.subarray(SIGNED), message))) throw new BadCode("forged");
  return { ticket: uuid(raw.subarray(5, 21)), event: hex(raw.subarray(21, 29)), issue: (raw[29] << 8) | raw[30] };
}

/** Tell whether a code is for an event: it has the last bytes of the event's id. */
export function isFor(code, eventId) {
  return code.event === eventId.replaceAll("-", "").slice(16);
}

function decode(text) {
  if (text.length !== LENGTH) return null;
  const raw = new Uint8Array((LENGTH * 5) / 8);
  let bits = 0, held = 0, at = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      raw[at++] = (held >> bits) & 0xff;
    }
  }
  return raw;
}

const imported = new Map();

async function isSigned(key, signature, message) {
  if (!imported.has(key.x)) imported.set(key.x, await importKey(key));
  return imported.get(key.x)(signature, message);
}

/** Return a function that verifies: the browser's own, or noble's where it has no Ed25519. */
async function importKey({ kty, crv, x }) {
  try {
    const key = await crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"]);
    return (signature, message) => crypto.subtle.verify("Ed25519", key, signature, message);
  } catch (error) {
    if (error.name !== "NotSupportedError") throw error;
    const noble = await import("../vendor/noble-ed25519.js");
    const raw = Uint8Array.from(atob(x.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    return (signature, message) => noble.verifyAsync(signature, message, raw).catch(() => false);
  }
}

function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function uuid(bytes) {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
