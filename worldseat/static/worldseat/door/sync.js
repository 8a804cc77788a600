// Between this device and the server: what it has to know, and what it has seen.
const ANSWER_MS = 2_500; // nobody waits longer at a door
const SYNC_MS = 20_000;
const MOST_SCANS = 50;

/** The server answered, and it was no: `status` tells what. */
export class Refused extends Error {
  constructor(status) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

export class Server {
  constructor({ keys, tickets, scans }) {
    this.urls = { keys, tickets, scans };
  }

  /** Fetch the keys and what changed, into the store; returns how many tickets changed. */
  async fetchInto(store) {
    const { keys } = await this.ask(this.urls.keys, { timeout: SYNC_MS });
    await store.keep({ keys });
    const cursor = await store.fact("cursor");
    const since = cursor ? `?since=${encodeURIComponent(cursor)}` : "";
    let news;
    try {
      news = await this.ask(this.urls.tickets + since, { timeout: cursor ? SYNC_MS : 3 * SYNC_MS });
    } catch (error) {
      if (!(cursor && error.status === 400)) throw error;
      await store.keep({ cursor: null }); // not this server's: begin again
      return this.fetchInto(store);
    }
    const tickets = news.tickets.map((row) => named(news.fields, row));
    await store.learn(tickets, { cursor: news.cursor, fetched_at: Date.now() });
    return tickets.length;
  }

  /** Ask about one scan; returns what became of it. */
  async ask_about(scan, device) {
    const { scans } = await this.report([scan], device, 0, ANSWER_MS);
    return scans[0];
  }

  /** Report the scans that wait, in their order; returns what became of each. */
  async reportFrom(store, device) {
    const told = [];
    for (;;) {
      const scans = await store.inState("waiting", MOST_SCANS);
      if (!scans.length) return told;
      const waiting = (await store.count("waiting")) - scans.length;
      const answer = await this.report(scans, device, waiting, SYNC_MS);
      await store.change(answer.scans.map((each) => ({ ...result(each), id: each.id, state: "done" })));
      told.push(...answer.scans);
    }
  }

  report(scans, device, waiting, timeout) {
    const body = {
      scanner: { id: device.id, name: device.name, time: new Date().toISOString(), waiting },
      gate: device.gate,
      scans: scans.map(({ id, code, at, told }) => ({ id, code, at, ...(told ? { told } : {}) })),
    };
    return this.ask(this.urls.scans, { body, timeout });
  }

  async ask(url, { body, timeout }) {
    const options = { headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(timeout) };
    if (body) {
      options.method = "POST";
      options.body = JSON.stringify(body);
      options.headers["Content-Type"] = "application/json";
      options.headers["X-CSRFToken"] = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
    }
    const response = await fetch(url, options);
    if (!response.ok) throw new Refused(response.status);
    return response.json();
  }
}

/** What the store keeps of an answer about a scan. */
export function result({ outcome, conflict, seat, price_type, holder, admission }) {
  const place = seat ? { section: seat.section, row: seat.row, number: seat.number } : {};
  return { outcome, conflict, ...place, price_type, holder, admission };
}

function named(fields, row) {
  const { ticket, ...rest } = Object.fromEntries(fields.map((name, at) => [name, row[at]]));
  return { id: ticket, ...rest };
}
