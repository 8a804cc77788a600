// The organiser's seat map: select many seats, then let the form say what to do with them.
import { Viewport } from "./viewport.js";

const EVERY_MS = 5_000;
const LONGEST_MS = 60_000;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STATUSES = ["available", "held", "sold", "blocked"];
// What a form without the map may hold: see DATA_UPLOAD_MAX_MEMORY_SIZE.
const MOST_IDS = 30_000;
const SVG = "http://www.w3.org/2000/svg";

const map = document.getElementById("seat-map");
const form = document.getElementById("seat-form");
const said = document.getElementById("map-status");
const names = new Map(
  [...document.querySelectorAll("[data-kind]")].map((item) => [item.dataset.kind, item.querySelector(".name").textContent]),
);

/** Every seat of the drawing, by id; rows and sections as lists of seats. */
const seats = new Map();
const rows = new Map();
const sections = new Map();
const picked = new Set();
let svg, view, radius, ring, tip;
let cursor = null;
let since = "";
let wait = EVERY_MS;

/** A viewport whose single pointer draws a box, unless it is to move the map. */
class Selecting extends Viewport {
  tool = "select";
  box_ = null;

  down(event) {
    super.down(event);
    this.drop();
    if (this.tool === "select" && this.pointers.size === 1 && !event.button) this.start = this.point(event);
  }

  move(event) {
    if (!this.start || this.pointers.size !== 1 || !this.pointers.has(event.pointerId)) {
      this.drop();
      return super.move(event);
    }
    const before = this.pointers.get(event.pointerId);
    this.moved += Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY);
    this.pointers.set(event.pointerId, event);
    if (this.moved > 6) this.draw(this.point(event));
  }

  draw(to) {
    const from = this.start;
    this.box_ ??= svg.appendChild(document.createElementNS(SVG, "rect"));
    this.box_.setAttribute("class", "lasso");
    this.area = {
      x: Math.min(from.x, to.x),
      y: Math.min(from.y, to.y),
      width: Math.abs(from.x - to.x),
      height: Math.abs(from.y - to.y),
    };
    for (const [name, value] of Object.entries(this.area)) this.box_.setAttribute(name, value);
    this.box_.setAttribute("stroke-width", this.pixel);
  }

  up(event) {
    if (this.area && this.pointers.has(event.pointerId)) {
      const { area } = this;
      this.drop();
      if (event.type === "pointerup") selectBox(area, event);
    }
    super.up(event);
    this.start = null;
  }

  drop() {
    this.box_?.remove();
    this.box_ = this.area = this.start = null;
  }
}

async function start() {
  const response = await fetch(map.dataset.map);
  if (!response.ok) throw new Error(`The map did not come: HTTP ${response.status}.`);
  const drawing = new DOMParser().parseFromString(await response.text(), "image/svg+xml");
  svg = document.importNode(drawing.documentElement, true);
  radius = Number(svg.dataset.radius);
  index();
  nameSections();
  ring = document.createElementNS(SVG, "circle");
  for (const [name, value] of Object.entries({ class: "cursor", r: radius * 1.35, "stroke-width": radius * 0.3, visibility: "hidden" })) ring.setAttribute(name, value);
  svg.append(ring);
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "application");
  svg.setAttribute("aria-label", "Seat map");
  svg.setAttribute("aria-describedby", "map-help");
  tip = element("p", "tip");
  tip.hidden = true;
  map.replaceChildren(svg, zoomButtons(), tip);
  document.getElementById("map-help").hidden = false;
  document.querySelector(".map-tools").hidden = false;
  document.getElementById("selection").hidden = false;
  document.getElementById("find-buttons").hidden = false;
  view = new Selecting(map, svg, tap);
  svg.addEventListener("keydown", onKey);
  svg.addEventListener("pointermove", hover);
  svg.addEventListener("blur", () => ring.setAttribute("visibility", "hidden"));
  tools();
  finders();
  form.addEventListener("submit", onSubmit);
  restore();
  await refresh();
}

function index() {
  const accessible = new Set(JSON.parse(document.getElementById("accessible-seats").textContent));
  for (const section of svg.querySelectorAll("[data-section]")) {
    section.setAttribute("stroke-width", radius * 0.45); // of seats that are selected
    for (const row of section.children) {
      for (const circle of row.querySelectorAll("circle")) {
        const seat = {
          id: circle.id,
          circle,
          section: section.dataset.section,
          row: row.dataset.row,
          number: circle.dataset.n,
          kind: circle.getAttribute("class").slice(1),
          x: circle.cx.baseVal.value,
          y: circle.cy.baseVal.value,
          accessible: accessible.has(circle.id),
          status: "available",
        };
        if (seat.accessible) circle.classList.add("accessible");
        seats.set(seat.id, seat);
        group(rows, `${seat.section}\n${seat.row}`, seat);
        group(sections, seat.section, seat);
      }
      const label = row.querySelector("text");
      if (label) label.dataset.rowOf = `${section.dataset.section}\n${row.dataset.row}`;
    }
  }
}

function group(groups, name, seat) {
  if (!groups.has(name)) groups.set(name, []);
  groups.get(name).push(seat);
}

/** Write each section's name above it, to be clicked. */
function nameSections() {
  for (const [name, own] of sections) {
    const text = document.createElementNS(SVG, "text");
    const xs = own.map((seat) => seat.x);
    text.setAttribute("x", (Math.min(...xs) + Math.max(...xs)) / 2);
    text.setAttribute("y", Math.min(...own.map((seat) => seat.y)) - radius * 2.4);
    text.setAttribute("font-size", Math.max(radius * 2.2, svg.viewBox.baseVal.width / 110));
    text.setAttribute("text-anchor", "middle");
    text.setAttribute("class", "section-name");
    text.textContent = name;
    text.dataset.sectionOf = name;
    svg.append(text);
  }
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function zoomButtons() {
  const box = element("div", "zoom");
  const add = (sign, label, act) => {
    const button = element("button", "", sign);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    box.append(button);
  };
  add("+", "Zoom in", () => view.zoom(1.6));
  add("−", "Zoom out", () => view.zoom(1 / 1.6));
  add("", "Show the whole map", () => view.reset());
  return box;
}

// --- Statuses ----------------------------------------------------------------------------

async function refresh() {
  try {
    const query = since ? `?since=${encodeURIComponent(since)}` : "";
    const response = await fetch(map.dataset.availability + query);
    if (response.status === 400) since = "";
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    apply(await response.json(), !since);
    wait = EVERY_MS;
  } catch {
    wait = Math.min(wait * 2, LONGEST_MS);
  }
  setTimeout(refreshWhenSeen, wait);
}

function refreshWhenSeen() {
  if (!document.hidden) return refresh();
  document.addEventListener("visibilitychange", refresh, { once: true });
}

function apply(answer, everything) {
  const changed = new Map(answer.changed.map(({ seat, status }) => [seat, status]));
  if (everything) for (const seat of seats.values()) mark(seat, changed.get(seat.id) ?? "available");
  else for (const [id, status] of changed) if (seats.has(id)) mark(seats.get(id), status);
  since = answer.cursor;
  map.dataset.ready = "yes";
  count();
}

function mark(seat, status) {
  if (seat.status === status) return;
  seat.circle.classList.remove(seat.status);
  seat.status = status;
  if (status !== "available") seat.circle.classList.add(status);
}

// --- Selecting ---------------------------------------------------------------------------

/** Select some seats: instead of the others, besides them (`add`) or away from them (`take`). */
function select(some, how = "replace") {
  if (how === "replace") for (const seat of [...picked]) pick(seat, false);
  for (const seat of some) pick(seat, how !== "take");
  count();
}

function pick(seat, on) {
  if (on === picked.has(seat)) return;
  if (on) picked.add(seat);
  else picked.delete(seat);
  seat.circle.classList.toggle("picked", on);
}

function toggle(some) {
  select(some, some.every((seat) => picked.has(seat)) ? "take" : "add");
}

function how(event) {
  return event.altKey ? "take" : event.shiftKey || event.ctrlKey || event.metaKey ? "add" : "replace";
}

function selectBox({ x, y, width, height }, event) {
  const inside = [...seats.values()].filter((seat) => seat.x >= x && seat.x <= x + width && seat.y >= y && seat.y <= y + height);
  select(inside, how(event));
}

function count() {
  document.getElementById("picked").textContent = picked.size.toLocaleString("en");
  const lines = new Map();
  for (const seat of picked) {
    for (const name of [seat.status, `in ${names.get(seat.kind)}`]) lines.set(name, (lines.get(name) ?? 0) + 1);
  }
  const order = (name) => (STATUSES.indexOf(name) + 1 || 9);
  const items = [...lines].sort((a, b) => order(a[0]) - order(b[0]) || a[0].localeCompare(b[0]));
  document.getElementById("picked-of").replaceChildren(
    ...items.map(([name, number]) => element("li", name.startsWith("in ") ? "" : name, `${number.toLocaleString("en")} ${name}`)),
  );
  if (!picked.size) said.textContent = "";
}

/** Tap: a seat is toggled, a row's letter takes the row, a section's name the section. */
function tap(point, pixel) {
  const target = document.elementFromPoint(...screenOf(point));
  if (target?.dataset?.rowOf) return toggle(rows.get(target.dataset.rowOf));
  if (target?.dataset?.sectionOf) return toggle(sections.get(target.dataset.sectionOf));
  const seat = seatAt(point, 10 * pixel);
  if (!seat) return;
  toggle([seat]);
  cursor = seat;
  said.textContent = sentence(seat);
}

function screenOf(point) {
  const { x, y } = new DOMPoint(point.x, point.y).matrixTransform(svg.getScreenCTM());
  return [x, y];
}

function seatAt(point, reach) {
  let best = null;
  let least = Math.max(radius, reach);
  for (const seat of seats.values()) {
    const far = Math.hypot(seat.x - point.x, seat.y - point.y);
    if (far <= least) [best, least] = [seat, far];
  }
  return best;
}

function sentence(seat) {
  const marks = seat.accessible ? ", accessible" : "";
  const chosen = picked.has(seat) ? ", selected" : "";
  return `${seat.section}, row ${seat.row}, seat ${seat.number} · ${names.get(seat.kind)}, ${seat.status}${marks}${chosen}`;
}

function hover(event) {
  const seat = event.pointerType === "mouse" ? seats.get(event.target.id) : null;
  tip.hidden = !seat;
  if (seat) tip.textContent = sentence(seat);
}

// --- Keyboard and buttons ----------------------------------------------------------------

function onKey(event) {
  if (event.ctrlKey || event.metaKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key in ARROWS) step(...ARROWS[key], event.shiftKey);
  else if ((key === " " || key === "Enter") && cursor) toggle([cursor]);
  else if (key === "r" && cursor) toggle(rows.get(`${cursor.section}\n${cursor.row}`));
  else if (key === "s" && cursor) toggle(sections.get(cursor.section));
  else if (key === "a") select(seats.values());
  else if (key === "Escape") select([]);
  else if (key === "+") view.zoom(1.6);
  else if (key === "-") view.zoom(1 / 1.6);
  else return;
  event.preventDefault();
  // What the figure beside the map shows, for who does not see it.
  const selected = `${picked.size.toLocaleString("en")} selected`;
  said.textContent = cursor ? `${sentence(cursor)} · ${selected}` : selected;
}

/** Go to the nearest seat in a direction; what lies off the line counts as farther. */
function step(dx, dy, selecting) {
  if (!cursor) cursor = seats.values().next().value;
  else {
    if (selecting) pick(cursor, true);
    let best = null;
    let least = Infinity;
    for (const seat of seats.values()) {
      const along = (seat.x - cursor.x) * dx + (seat.y - cursor.y) * dy;
      const aside = Math.abs((seat.x - cursor.x) * dy) + Math.abs((seat.y - cursor.y) * dx);
      if (along < radius * 0.2 || aside > along * 2.5) continue;
      const far = along + aside * 2;
      if (far < least) [best, least] = [seat, far];
    }
    cursor = best ?? cursor;
  }
  if (!cursor) return;
  if (selecting) pick(cursor, true);
  count();
  ring.setAttribute("visibility", "visible");
  ring.setAttribute("cx", cursor.x);
  ring.setAttribute("cy", cursor.y);
  view.show(cursor.x, cursor.y);
}

function tools() {
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.addEventListener("click", () => {
      view.tool = button.dataset.tool;
      map.classList.toggle("selects", view.tool === "select");
      for (const other of document.querySelectorAll("[data-tool]")) other.setAttribute("aria-pressed", String(other === button));
    });
  }
  map.classList.add("selects");
  const acts = {
    all: () => select(seats.values()),
    none: () => select([]),
    invert: () => {
      const rest = [...seats.values()].filter((seat) => !picked.has(seat));
      select(rest);
    },
  };
  for (const button of document.querySelectorAll("[data-act]")) button.addEventListener("click", acts[button.dataset.act]);
  const kind = form.querySelector("#id_kind");
  if (!kind) return;
  const needs = { paint: ["category"], block: ["reason"], comp: ["email"], reprice: ["category", "price"] };
  const show = () => {
    for (const field of form.querySelectorAll("[data-field]")) {
      const { field: name } = field.dataset;
      field.hidden = name !== "kind" && !(needs[kind.value] ?? []).includes(name);
    }
  };
  kind.addEventListener("change", show);
  show();
}

/** Ask the server for seats; where it gives no answer, that is the `problem`. */
async function find(asked) {
  let status = "no connection";
  try {
    const response = await fetch(map.dataset.find, { method: "POST", body: new URLSearchParams(asked) });
    status = `HTTP ${response.status}`;
    return await response.json();
  } catch {
    return { problem: `The server did not answer (${status}). Try again.` };
  }
}

function finders() {
  const status = document.getElementById("find-status");
  for (const button of document.querySelectorAll("[data-find]")) {
    if (button === map) continue;
    button.addEventListener("click", async () => {
      status.textContent = "Looking …";
      const asked = new FormData(form);
      asked.delete("ids");
      const answer = await find(asked);
      if (answer.problem) return void (status.textContent = answer.problem);
      select(answer.ids.map((id) => seats.get(id)).filter(Boolean), button.dataset.find);
      const unknown = answer.unknown.length ? ` Not found: ${answer.unknown.join("; ")}.` : "";
      status.textContent = `${answer.ids.length.toLocaleString("en")} seats found.${unknown}`;
    });
  }
}

function onSubmit(event) {
  if (picked.size > MOST_IDS) {
    event.preventDefault();
    said.textContent = `More than ${MOST_IDS.toLocaleString("en")} seats are selected: select them by a filter instead.`;
    return;
  }
  form.querySelector("#id_ids").value = [...picked].map((seat) => seat.id.replaceAll("-", "")).join("");
}

/** Select again what the form brought back with an error. */
function restore() {
  const ids = form.querySelector("#id_ids")?.value.match(/[0-9a-f]{32}/g) ?? [];
  const known = ids.map((id) => id.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5"));
  select(known.map((id) => seats.get(id)).filter(Boolean));
}

if (map) {
  start().catch((error) => {
    map.replaceChildren(element("p", "loading", "The map could not be loaded. Select by filter or list."));
    console.warn(error);
  });
}
