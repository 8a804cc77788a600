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

  /**
   * Fetch the keys and what changed, into the store, page by page; returns how many tickets changed.
   * `onPage({fetched, total})` is called after each page but a only one. What is broken off goes on
   * where it was, also after a reload: the cursor of its first page is kept until the last one is here.
   */
  async fetchInto(store, onPage) {
    const { keys } = await this.ask(this.urls.keys, { timeout: SYNC_MS });
    await store.keep({ keys });
    const since = await store.fact("cursor");
    let begun = (await store.fact("fetching")) ?? { fetched: 0 };
    try {
      for (;;) {
        const news = await this.ask(this.page(since, begun.after), { timeout: SYNC_MS });
        await store.keep({ cancelled: news.cancelled });
        const tickets = news.tickets.map((row) => named(news.fields, row));
        const fetched = begun.fetched + tickets.length;
        if (!news.next_after) {
          const cursor = begun.cursor ?? news.cursor;
          await store.learn(tickets, { cursor, fetching: null, fetched_at: Date.now() });
          return fetched;
        }
        begun = { cursor: begun.cursor ?? news.cursor, total: begun.total ?? news.total, after: news.next_after, fetched };
        await store.learn(tickets, { fetching: begun });
        await onPage(begun);
      }
    } catch (error) {
      if (!(error.status === 400 && (since || begun.after))) throw error;
      await store.keep({ cursor: null, fetching: null }); // not this server's: begin again
      return this.fetchInto(store, onPage);
    }
  }

  page(since, after) {
    const query = new URLSearchParams();
    if (since) query.set("since", since);
    if (after) query.set("after", after);
    return query.size ? `${this.urls.tickets}?${query}` : this.urls.tickets;
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
