// What this device knows and has seen, in IndexedDB: it outlives reloads, crashes and dead batteries.
//
// tickets  how each ticket of the event stands, by id: {id, issue, state, admitted_at, where, section,
//          row, number, price_type}, and `here`: the scan with which this device let somebody in
// scans    what this device was shown: {id, ticket, code, at, told, state, outcome, ...}; `state` is
//          "asking" (the server was asked), "waiting" (to be reported), "done", or "local" (nobody's code)
// facts    keys, cursor, whether the event is cancelled, the device's id and name, and when they were fetched

const VERSION = 1;

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** Open the store of an event. */
export async function openStore(eventId) {
  const request = indexedDB.open(`worldseat-door-${eventId}`, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("tickets", { keyPath: "id" });
    const scans = request.result.createObjectStore("scans", { keyPath: "at_position", autoIncrement: true });
    scans.createIndex("id", "id", { unique: true });
    scans.createIndex("state", "state");
    request.result.createObjectStore("facts");
  };
  return new Store(await done(request));
}

class Store {
  constructor(database) {
    this.database = database;
  }

  fact(name) {
    return done(this.database.transaction("facts").objectStore("facts").get(name));
  }

  async keep(facts) {
    const transaction = this.database.transaction("facts", "readwrite");
    for (const [name, value] of Object.entries(facts)) transaction.objectStore("facts").put(value, name);
    await committed(transaction);
  }

  /** Take in how tickets stand; what this device did with them stays. Nothing in it goes backwards. */
  async learn(tickets, facts) {
    const transaction = this.database.transaction(["tickets", "facts"], "readwrite");
    const kept = transaction.objectStore("tickets");
    for (const ticket of tickets) {
      const asked = kept.get(ticket.id);
      asked.onsuccess = () => kept.put({ ...ticket, here: asked.result?.here });
    }
    for (const [name, value] of Object.entries(facts)) transaction.objectStore("facts").put(value, name);
    await committed(transaction);
  }

  /**
   * Decide about a code that is signed, and write the scan down in the same transaction, so that
   * two tabs, or a crash, let nobody in twice. Returns {outcome, ticket (undefined: never heard of)}.
   */
  async claim(code, scan, eventMatches) {
    const transaction = this.database.transaction(["tickets", "scans", "facts"], "readwrite");
    const tickets = transaction.objectStore("tickets");
    const ticket = await done(tickets.get(code.ticket));
    const cancelled = await done(transaction.objectStore("facts").get("cancelled"));
    const outcome = judge(code, ticket, eventMatches, cancelled);
    if (outcome === "admitted") {
      tickets.put({ ...(ticket ?? { id: code.ticket, issue: code.issue, state: "valid" }), here: { scan: scan.id, at: scan.at } });
    }
    transaction.objectStore("scans").add(outcome === "admitted" ? scan : { ...scan, state: "waiting", told: outcome });
    await committed(transaction);
    return { outcome, ticket };
  }

  async log(scan) {
    const transaction = this.database.transaction("scans", "readwrite");
    transaction.objectStore("scans").add(scan);
    await committed(transaction);
  }

  /** Take in what the server said of a claim: where it did not admit, the ticket is not let in here. */
  async settle(scan, ticketId, told) {
    const transaction = this.database.transaction(["tickets", "scans"], "readwrite");
    const tickets = transaction.objectStore("tickets");
    if (told.outcome && told.outcome !== "admitted") {
      const asked = tickets.get(ticketId);
      asked.onsuccess = () => {
        const { here, ...ticket } = asked.result;
        if (here?.scan !== scan.id) return;
        tickets.put({ ...ticket, admitted_at: told.admission?.at ?? ticket.admitted_at, where: told.admission?.scanner || told.admission?.gate || "" });
      };
    }
    const scans = transaction.objectStore("scans");
    const written = scans.index("id").get(scan.id);
    written.onsuccess = () => scans.put({ ...written.result, ...told });
    await committed(transaction);
  }

  /** Change scans, each given as {id, ...changes}. */
  async change(changes) {
    const transaction = this.database.transaction("scans", "readwrite");
    const scans = transaction.objectStore("scans");
    for (const change of changes) {
      const asked = scans.index("id").get(change.id);
      asked.onsuccess = () => asked.result && scans.put({ ...asked.result, ...change });
    }
    await committed(transaction);
  }

  /** Return the scans in a state, in the order in which they were seen; at most `most`. */
  inState(state, most) {
    return done(this.database.transaction("scans").objectStore("scans").index("state").getAll(state, most));
  }

  count(state) {
    return done(this.database.transaction("scans").objectStore("scans").index("state").count(state));
  }

  tickets() {
    return done(this.database.transaction("tickets").objectStore("tickets").getAll());
  }

  scans() {
    return done(this.database.transaction("scans").objectStore("scans").getAll());
  }
}

function judge(code, ticket, eventMatches, cancelled) {
  if (!eventMatches) return "other-event";
  if (cancelled) return "event-cancelled";
  if (ticket?.state === "void") return "void";
  if (ticket && code.issue < ticket.issue) return "superseded";
  if (ticket?.here || ticket?.admitted_at) return "already-admitted";
  return "admitted";
}
