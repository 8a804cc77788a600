// The scanner's page: what is shown, heard and typed. scanner.js decides.
import { Camera } from "./camera.js";
import { clean } from "./codes.js";
import { Scanner } from "./scanner.js";
import { signal, wake } from "./signals.js";
import { openStore } from "./store.js";
import { Server } from "./sync.js";

const AGAIN_MS = 3_000; // a code that stays before the camera is one scan
const FAILED_MS = 1_000; // time to see that a ticket was not checked
const LISTED = 30;
const HEADLINES = {
  admitted: "Let in",
  "already-admitted": "Already let in",
  void: "Void: cancelled or exchanged",
  superseded: "An old code: the ticket was reissued",
  "other-event": "For another event",
  "event-cancelled": "The event is cancelled",
  unknown: "Not a ticket of this event",
  "not-a-ticket": "No ticket of ours",
  "unknown-key": "Not genuine: nobody here signed it",
  forged: "Not genuine: nobody here signed it",
  "no-keys": "Cannot be checked yet",
  "not-checked": "Not checked: show it again",
};
const MARKS = { good: "M4 13l5 5L20 6", check: "M12 3v11M12 18.5v2", bad: "M5 5l14 14M19 5L5 19" };
const SVG = "http://www.w3.org/2000/svg";

const { dataset } = document.body;
const $ = (id) => document.getElementById(id);
const field = $("code");
let scanner, camera, store, sound = true;
let last = { text: "", at: 0 };
const queue = []; // codes that were typed, or sent by a hand scanner, while another one is checked
let checking = false;

async function start() {
  store = await openStore(dataset.event);
  await nameDevice();
  const server = new Server({ keys: dataset.keys, tickets: dataset.tickets, scans: dataset.scans });
  scanner = new Scanner({ store, server, eventId: dataset.event, device, on: { change: draw } });
  listen();
  await scanner.start();
  await draw();
  document.body.dataset.ready = "";
  await keepPage();
}

// --- The device ------------------------------------------------------------------------------

const facts = {};

function device() {
  return { id: facts.device_id, name: $("device").value.trim() || "Scanner", gate: $("gate").value.trim() };
}

async function nameDevice() {
  facts.device_id = (await store.fact("device_id")) ?? crypto.randomUUID();
  $("device").value = (await store.fact("device_name")) ?? `${dataset.user} ${facts.device_id.slice(0, 4)}`;
  $("gate").value = (await store.fact("gate")) ?? "";
  sound = (await store.fact("sound")) ?? true;
  $("sound").checked = sound;
  await keepSettings();
}

async function keepSettings() {
  sound = $("sound").checked;
  const { id, name, gate } = device();
  await store.keep({ device_id: id, device_name: name, gate, sound });
}

/** Keep this page and its files for when there is no connection. */
async function keepPage() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register(dataset.worker, { scope: dataset.scope });
  await navigator.serviceWorker.ready;
  await navigator.storage?.persist?.();
  const pages = await caches.open("door-pages");
  if (scanner.link !== "offline") await pages.add(location.pathname).catch(() => null);
  if (await pages.match(location.pathname)) document.body.dataset.kept = "";
  await draw();
}

// --- What is shown to it ---------------------------------------------------------------------

function listen() {
  $("start").addEventListener("click", startCamera);
  $("torch").addEventListener("click", turnTorch);
  $("settings").addEventListener("change", keepSettings);
  $("manual").addEventListener("submit", (event) => {
    event.preventDefault();
    wake();
    const text = field.value;
    field.value = "";
    if (clean(text)) check(text);
  });
  document.addEventListener("keydown", (event) => {
    // A hand scanner types wherever the focus is.
    const elsewhere = !event.target.closest("input, select, textarea, button, a, summary");
    if (elsewhere && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) field.focus();
  });
}

async function startCamera() {
  wake();
  camera = new Camera($("video"), { wasm: dataset.wasm, onText: seen });
  $("start").disabled = true;
  try {
    await camera.start();
    $("start").hidden = true;
    $("torch").hidden = !camera.hasTorch();
    keepAwake();
  } catch (error) {
    $("start").disabled = false;
    const why = { NotAllowedError: "The camera may not be used: allow it in the browser's settings.", NotFoundError: "This device has no camera." };
    $("camera-says").textContent = `${why[error.name] ?? "The camera did not start."} Type codes, or use a hand scanner.`;
    field.focus();
  }
}

async function keepAwake() {
  const lock = () => navigator.wakeLock?.request("screen").catch(() => null);
  await lock();
  document.addEventListener("visibilitychange", () => document.hidden || lock());
}

async function turnTorch() {
  const on = $("torch").getAttribute("aria-pressed") !== "true";
  await camera.setTorch(on);
  $("torch").setAttribute("aria-pressed", on);
}

/** A code before the camera. While another one is checked it is passed over: the camera sees it again. */
async function seen(text) {
  if (checking) {
    if (text === last.text) last.at = Date.now();
    return;
  }
  const same = text === last.text && Date.now() - last.at < AGAIN_MS;
  last = { text, at: Date.now() };
  if (!same) await check(text);
  if (text === last.text) last.at = Date.now();
}

/** Check codes in the order in which they came. None is dropped: somebody stands there with each. */
async function check(text) {
  queue.push(text);
  if (checking) return;
  checking = true;
  try {
    while (queue.length) await checkOne(queue.shift());
  } finally {
    checking = false;
  }
}

async function checkOne(text) {
  tellChecking();
  try {
    tell(await scanner.show(text));
  } catch (error) {
    tell({ outcome: "not-checked" });
    console.error(error);
    last = { text: "", at: 0 }; // the camera may show it again
    await new Promise((resolve) => setTimeout(resolve, FAILED_MS));
  }
  await draw().catch(console.error); // the next one is waiting
}

// --- What it says ----------------------------------------------------------------------------

/** Take the former answer away at once: it is not this ticket's. */
function tellChecking() {
  delete document.body.dataset.verdict;
  $("headline").textContent = "Checking …";
  $("place").textContent = "";
  $("detail").textContent = "";
}

function tell(scan) {
  const kind = kindOf(scan);
  signal(kind, { sound });
  document.body.dataset.verdict = kind;
  $("headline").replaceChildren(mark(kind), HEADLINES[scan.outcome] ?? scan.outcome);
  $("place").textContent = place(scan);
  $("detail").textContent = details(scan).join(" ");
}

/** Green: let in. Amber: let in, and look. Red: do not. */
function kindOf({ outcome, price_type, unheard }) {
  if (outcome === "no-keys") return "check";
  if (outcome !== "admitted") return "bad";
  return price_type || unheard ? "check" : "good";
}

function place({ section, row, number }) {
  return number ? `${section} · row ${row} · seat ${number}` : "";
}

function details(scan) {
  const told = [];
  if (scan.outcome === "admitted") {
    if (scan.price_type) told.push(`${scan.price_type}: ask for proof.`);
    if (scan.holder) told.push(`${scan.holder}.`);
    if (scan.unheard) told.push("Genuine, but sold after this device looked last.");
    if (scan.offline) told.push("Checked on this device; to be reported.");
  }
  if (scan.outcome === "already-admitted") told.push(earlier(scan));
  if (scan.outcome === "event-cancelled") told.push("It does not take place: no ticket lets anybody in.");
  if (scan.outcome === "not-checked") told.push("This device could not read or write what it keeps. If that goes on, reload the page.");
  if (scan.outcome === "no-keys") told.push("This device has to be online once before it can check tickets.");
  return told;
}

function earlier({ admission, ticket }) {
  if (admission) return `${who(admission)}, ${clock(admission.device_time ?? admission.at)}.`;
  if (ticket?.here) return `By this device, ${clock(ticket.here.at)}.`;
  if (ticket?.admitted_at) return `${ticket.where || "Elsewhere"}, ${clock(ticket.admitted_at)}.`;
  return "";
}

function who({ scanner: name, gate }) {
  return [name, gate].filter(Boolean).join(", ") || "Another door";
}

function clock(time) {
  return new Date(time).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

async function draw() {
  const { admitted, expected, tickets, waiting } = scanner.counts;
  $("counter").replaceChildren(bold(admitted), ` of ${expected} in`);
  $("link").dataset.link = scanner.link;
  const late = waiting ? ` · ${waiting} to report` : "";
  $("link").textContent = { online: "Online", offline: "Offline", "signed-out": "Signed out", unknown: "Connecting …" }[scanner.link] + late;
  $("sign-in").hidden = scanner.link !== "signed-out";
  $("cancelled").hidden = !(await store.fact("cancelled"));
  drawProgress(scanner.fetching);
  const fetched = await store.fact("fetched_at");
  $("ready").textContent = fetched
    ? `${"kept" in document.body.dataset ? "Works without a connection" : "Checks tickets without a connection"}: ${tickets} tickets, as of ${clock(fetched)}.`
    : "Not yet ready to work without a connection.";
  drawScans((await store.scans()).reverse());
}

/** While the tickets of a large hall come: how many are here. */
function drawProgress(fetching) {
  $("fetching").hidden = !fetching;
  if (!fetching) return;
  const { fetched, total } = fetching;
  const bar = $("fetched");
  bar.max = Math.max(total ?? 0, fetched);
  bar.value = fetched;
  $("fetched-says").textContent = `${fetched.toLocaleString("en")} of ${bar.max.toLocaleString("en")} tickets are on this device.`;
}

function drawScans(scans) {
  $("scans").replaceChildren(...scans.slice(0, LISTED).map(line));
  $("none").hidden = scans.length > 0;
  const wrong = scans.filter((each) => each.conflict);
  $("conflicts").hidden = !wrong.length;
  $("conflict-list").replaceChildren(...wrong.map(conflictLine));
}

function line(scan) {
  const item = document.createElement("li");
  const kind = kindOf({ ...scan, outcome: scan.told === "admitted" ? "admitted" : scan.outcome });
  item.dataset.kind = kind;
  const waits = scan.state === "waiting" ? " · to be reported" : "";
  const what = scan.told === "admitted" ? HEADLINES.admitted : (HEADLINES[scan.outcome ?? scan.told] ?? "");
  item.append(bold(mark(kind), what), ` ${place(scan)}`, small(`${clock(scan.at)}${waits}`));
  return item;
}

function conflictLine(scan) {
  const item = document.createElement("li");
  const other = scan.admission
    ? `also let in by ${who(scan.admission)}, ${clock(scan.admission.device_time ?? scan.admission.at)}`
    : (HEADLINES[scan.outcome] ?? scan.outcome);
  item.append(bold(place(scan) || "A ticket"), ` Let in by this device (${device().name}), ${clock(scan.at)}; ${other}.`);
  return item;
}

function bold(...parts) {
  const element = document.createElement("b");
  element.append(...parts);
  return element;
}

/** Draw a tick, an exclamation mark or a cross: fonts of some phones have none. */
function mark(kind) {
  const drawing = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "mark");
  drawing.setAttribute("aria-hidden", "true");
  line.setAttribute("d", MARKS[kind]);
  drawing.append(line);
  return drawing;
}

function small(text) {
  return Object.assign(document.createElement("small"), { textContent: text });
}

start();
