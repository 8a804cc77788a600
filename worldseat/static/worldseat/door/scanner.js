// Decides about a code, with the server where it answers in time and without it where it does not.
import { BadCode, clean, isFor, readCode } from "./codes.js";
import { Refused, result } from "./sync.js";

const EVERY_MS = 10_000;
const RETRY_MS = 3_000;
// No answer, or one that is no JSON: the page on which a wireless network asks for a login.
const NO_ANSWER = ["TimeoutError", "AbortError", "NetworkError", "SyntaxError"];

/**
 * `on.change()` is called when counts, lists or the connection changed.
 * `link` is "unknown", "online", "offline" or "signed-out".
 */
export class Scanner {
  constructor({ store, server, eventId, device, on }) {
    Object.assign(this, { store, server, eventId, device, on });
    this.link = "unknown";
    this.fetching = null; // {fetched, total} while the tickets come
    this.counts = { admitted: 0, expected: 0, waiting: 0, tickets: 0 };
  }

  async start() {
    // A page that died while it asked: the server knows, or will be told, what it saw.
    const asked = await this.store.inState("asking");
    await this.store.change(asked.map(({ id }) => ({ id, state: "waiting" })));
    await this.count();
    addEventListener("online", () => this.sync());
    addEventListener("offline", () => this.heard("offline"));
    document.addEventListener("visibilitychange", () => document.hidden || this.sync());
    await this.sync();
    this.goOn();
  }

  async goOn() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, this.link === "online" ? EVERY_MS : RETRY_MS));
      if (!document.hidden) await this.sync();
    }
  }

  /** Report what waits, and fetch what changed; one at a time. */
  sync() {
    this.syncing ??= this.syncOnce().finally(() => (this.syncing = null));
    return this.syncing;
  }

  async syncOnce() {
    try {
      const told = await this.server.reportFrom(this.store, this.device());
      const changed = await this.server.fetchInto(this.store, (page) => this.progress(page));
      this.fetching = null;
      this.heard("online");
      if (told.length || changed || !this.counts.tickets) await this.count();
      this.on.change();
    } catch (error) {
      this.failed(error);
    }
  }

  /** The tickets come in pages: say how many are here, and let the door begin with those. */
  async progress({ fetched, total }) {
    this.fetching = { fetched, total };
    this.heard("online");
  }

  heard(link) {
    this.link = link;
    this.on.change();
  }

  failed(error) {
    if (error instanceof Refused) this.heard([401, 403].includes(error.status) ? "signed-out" : "offline");
    else if (error instanceof TypeError || NO_ANSWER.includes(error.name)) this.heard("offline");
    else throw error;
  }

  async count() {
    const tickets = (await this.store.tickets()).filter((each) => each.state === "valid");
    const admitted = tickets.filter((each) => each.here || each.admitted_at).length;
    this.counts = { admitted, expected: tickets.length, tickets: tickets.length, waiting: await this.store.count("waiting") };
  }

  /** Decide about a code; returns the scan, with `outcome`, what is known of the ticket, and `offline`. */
  async show(text) {
    const scan = { id: crypto.randomUUID(), code: clean(text), at: new Date().toISOString(), state: "asking" };
    let code;
    try {
      code = await this.read(scan.code);
    } catch (error) {
      if (!(error instanceof BadCode)) throw error;
      const bad = { ...scan, state: "local", outcome: error.why };
      if (bad.outcome !== "no-keys") await this.store.log(bad);
      return bad;
    }
    const { outcome, ticket } = await this.store.claim(code, scan, isFor(code, this.eventId));
    const known = placed(ticket);
    const told = outcome === "admitted" ? await this.confirm(scan, code, ticket) : { outcome };
    if (outcome !== "admitted") await this.store.change([{ id: scan.id, ...known, outcome }]);
    await this.count();
    this.on.change();
    if (this.link === "online") this.sync();
    return { ...scan, ...known, ...told, ticket };
  }

  /** Read a code; with keys that are too old, fetch them once. */
  async read(code) {
    let keys = (await this.store.fact("keys")) ?? [];
    try {
      return await readCode(code, keys);
    } catch (error) {
      if (error.why !== "unknown-key") throw error;
    }
    await this.sync();
    keys = (await this.store.fact("keys")) ?? [];
    if (!keys.length) throw new BadCode("no-keys");
    return readCode(code, keys);
  }

  /** Ask the server about somebody whom this device would let in; without an answer, let her in. */
  async confirm(scan, code, ticket) {
    const known = placed(ticket);
    if (this.link === "online" && navigator.onLine) {
      try {
        const told = result(await this.server.ask_about(scan, this.device()));
        await this.store.settle(scan, code.ticket, { ...told, ticket: code.ticket, state: "done" });
        return told;
      } catch (error) {
        this.failed(error);
      }
    }
    const alone = { outcome: "admitted", told: "admitted", offline: true, unheard: !ticket };
    await this.store.settle(scan, code.ticket, { ...known, ...alone, ticket: code.ticket, state: "waiting" });
    return alone;
  }
}

function placed(ticket) {
  if (!ticket?.section && !ticket?.number) return {};
  return { section: ticket.section, row: ticket.row, number: ticket.number, price_type: ticket.price_type };
}
