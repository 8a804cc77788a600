// The seat map: the drawing comes once, the statuses again and again; the form does the buying.
import { Viewport } from "./viewport.js";

const EVERY_MS = 3_000;
const LONGEST_MS = 60_000;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// A seat smaller than this on the screen cannot be hit: a tap there zooms in instead.
const SMALLEST_PX = 6;

const map = document.getElementById("seat-map");
const form = document.getElementById("purchase");
const select = document.getElementById("seat");
const sections = document.getElementById("section");
const said = document.getElementById("map-status");
const legend = new Map(
  [...document.querySelectorAll("[data-kind]")].map((item) => [
    item.dataset.kind,
    {
      category: item.dataset.category,
      name: item.querySelector(".name").textContent,
      price: item.querySelector(".price").textContent,
      free: item.querySelector(".free"),
    },
  ]),
);

/** Every seat of the drawing, by id. */
const seats = new Map();
let svg, view, radius, ring, dot, tip;
let chosen = null; // the seat in the form
let cursor = null; // the seat under the keyboard
let since = "";
let wait = EVERY_MS;

async function start() {
  const response = await fetch(map.dataset.map);
  if (!response.ok) throw new Error(`The map did not come: HTTP ${response.status}.`);
  const drawing = new DOMParser().parseFromString(await response.text(), "image/svg+xml");
  svg = document.importNode(drawing.documentElement, true);
  radius = Number(svg.dataset.radius);
  index();
  ring = shape("cursor", radius * 1.35, radius * 0.3);
  dot = shape("pick", radius * 1.1, radius * 0.35);
  describe();
  map.replaceChildren(svg, zoomButtons(), (tip = element("p", "tip")));
  tip.hidden = true;
  document.getElementById("map-help").hidden = false;
  view = new Viewport(map, svg, tap);
  svg.addEventListener("keydown", onKey);
  svg.addEventListener("pointermove", hover);
  svg.addEventListener("blur", () => ring.setAttribute("visibility", "hidden"));
  await refresh();
  if (form) enhanceForm();
}

function index() {
  for (const section of svg.querySelectorAll("[data-section]")) {
    for (const row of section.children) {
      for (const circle of row.querySelectorAll("circle")) {
        seats.set(circle.id, {
          id: circle.id,
          circle,
          section: section.dataset.section,
          row: row.dataset.row,
          number: circle.dataset.n,
          kind: circle.getAttribute("class").slice(1),
          x: circle.cx.baseVal.value,
          y: circle.cy.baseVal.value,
          status: "available",
        });
      }
    }
  }
}

function shape(name, size, stroke) {
  const circle = document.createElementNS(svg.namespaceURI, "circle");
  circle.setAttribute("class", name);
  circle.setAttribute("r", size);
  circle.setAttribute("stroke-width", stroke);
  circle.setAttribute("visibility", "hidden");
  return svg.appendChild(circle);
}

function describe() {
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "application");
  svg.setAttribute("aria-label", "Seat map");
  svg.setAttribute("aria-describedby", "map-help");
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
    if (response.status === 400) since = ""; // the cursor is too old: begin again
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
  const gone = new Map(answer.changed.map(({ seat, status }) => [seat, status]));
  if (everything) for (const seat of seats.values()) mark(seat, gone.get(seat.id) ?? "available");
  else for (const [id, status] of gone) if (seats.has(id)) mark(seats.get(id), status);
  for (const item of legend.values()) {
    const counts = answer.counts.find(({ category }) => category === item.category);
    item.free.textContent = counts?.available ?? 0;
  }
  since = answer.cursor;
  map.dataset.ready = "yes";
  if (chosen && chosen.status !== "available") lose();
}

function mark(seat, status) {
  if (seat.status === status) return;
  seat.status = status;
  seat.circle.classList.toggle("gone", status !== "available");
}

function lose() {
  say(`${name(chosen)} has just been taken. Choose another seat.`);
  choose(null);
}

// --- Choosing ----------------------------------------------------------------------------

function name(seat) {
  return `${seat.section}, row ${seat.row}, seat ${seat.number}`;
}

function say(text) {
  said.textContent = text;
}

function place(marker, seat) {
  marker.setAttribute("visibility", seat ? "visible" : "hidden");
  if (!seat) return;
  marker.setAttribute("cx", seat.x);
  marker.setAttribute("cy", seat.y);
}

/** Put a seat into the form and the panel; null empties both. */
function choose(seat) {
  if (!form) return;
  chosen = seat;
  place(dot, seat);
  if (seat && sections) sections.value = seat.section;
  if (seat && !select.querySelector(`option[value="${seat.id}"]`)) fill(seat.section);
  select.value = seat ? seat.id : "";
  document.getElementById("chosen").hidden = !seat;
  document.getElementById("buy-price").textContent = seat ? ` for ${legend.get(seat.kind).price}` : "";
  if (!seat) return;
  const words = { ...seat, price: legend.get(seat.kind).price };
  for (const cell of document.querySelectorAll("#chosen [data-of]")) cell.textContent = words[cell.dataset.of];
  say(`${name(seat)}: ${words.price}. Chosen; nothing is bought yet.`);
}

/** Offer a section's free seats in the list. */
function fill(section) {
  const groups = new Map();
  for (const seat of seats.values()) {
    if (seat.section !== section || seat.status !== "available") continue;
    if (!groups.has(seat.row)) {
      const group = document.createElement("optgroup");
      group.label = `Row ${seat.row}`;
      groups.set(seat.row, group);
    }
    groups.get(seat.row).append(new Option(`${seat.row}-${seat.number} · ${legend.get(seat.kind).price}`, seat.id));
  }
  select.replaceChildren(new Option("Choose on the map, or here", ""), ...groups.values());
  document.querySelector('label[for="seat"]').textContent = `Row and seat in ${section}`;
}

function enhanceForm() {
  select.addEventListener("change", () => {
    choose(seats.get(select.value) ?? null);
    if (chosen) view.show(chosen.x, chosen.y);
  });
  if (sections) {
    document.querySelector("#section-form button").hidden = true;
    sections.addEventListener("change", () => {
      fill(sections.value);
      choose(null);
    });
  }
  // A second click while the first is under way changes nothing: the key sells once.
  form.addEventListener("submit", () => form.classList.add("sent"));
  if (select.value) choose(seats.get(select.value) ?? null);
}

/** Find the seat at a place of the drawing, or the nearest one within a finger's reach. */
function seatAt(point, reach) {
  let best = null;
  let least = Math.max(radius, reach);
  for (const seat of seats.values()) {
    const far = Math.hypot(seat.x - point.x, seat.y - point.y);
    if (far <= least) [best, least] = [seat, far];
  }
  return best;
}

function tap(point, pixel) {
  if (radius / pixel < SMALLEST_PX) {
    if (seatAt(point, 30 * pixel)) return view.zoomTo(point, (radius / pixel < 3 ? 4 : 2.2));
    return;
  }
  const seat = seatAt(point, 10 * pixel);
  if (!seat) return;
  if (seat.status === "available") choose(seat);
  else say(`${name(seat)} is taken.`);
}

function hover(event) {
  const seat = event.pointerType === "mouse" ? seats.get(event.target.id) : null;
  tip.hidden = !seat;
  if (seat) tip.textContent = sentence(seat);
}

function sentence(seat) {
  const { name: category, price } = legend.get(seat.kind);
  return `${name(seat)} · ${seat.status === "available" ? `${category}, ${price}` : "taken"}`;
}

function onKey(event) {
  if (event.key in ARROWS) step(...ARROWS[event.key]);
  else if ((event.key === "Enter" || event.key === " ") && cursor) {
    if (cursor.status === "available") choose(cursor);
    else say(`${name(cursor)} is taken.`);
  } else if (event.key === "+") view.zoom(1.6);
  else if (event.key === "-") view.zoom(1 / 1.6);
  else return;
  event.preventDefault();
}

/** Go to the nearest seat in a direction; what lies off the line counts as farther. */
function step(dx, dy) {
  if (!cursor) cursor = chosen ?? [...seats.values()].find((seat) => seat.status === "available") ?? seats.values().next().value;
  else {
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
  place(ring, cursor);
  view.show(cursor.x, cursor.y);
  say(sentence(cursor));
  tip.hidden = false;
  tip.textContent = sentence(cursor);
}

if (map) {
  start().catch((error) => {
    map.replaceChildren(element("p", "loading", "The map could not be loaded. Choose a seat from the list."));
    console.warn(error);
  });
}
