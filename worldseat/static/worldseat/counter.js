// The box office's map: choose several seats; the form beside it sells them.
import { Viewport } from "./viewport.js";

const EVERY_MS = 3_000;
const LONGEST_MS = 60_000;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// A seat smaller than this on the screen cannot be hit: a tap there zooms in instead.
const SMALLEST_PX = 6;
const SVG = "http://www.w3.org/2000/svg";

const map = document.getElementById("seat-map");
const form = document.getElementById("sale-form");
const lines = document.getElementById("lines");
const total = document.getElementById("total");
const said = document.getElementById("map-status");
const prices = JSON.parse(document.getElementById("prices").textContent);
const legend = new Map([...document.querySelectorAll("[data-kind]")].map((item) => [item.dataset.kind, item]));
const { currency } = form.dataset;
const decimals = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
const money = new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/** Every seat of the drawing, by id. */
const seats = new Map();
let svg, view, radius, ring;
let cursor = null;
let since = "";
let wait = EVERY_MS;

async function start() {
  const response = await fetch(map.dataset.map);
  if (!response.ok) throw new Error(`The map did not come: HTTP ${response.status}.`);
  svg = document.importNode(new DOMParser().parseFromString(await response.text(), "image/svg+xml").documentElement, true);
  radius = Number(svg.dataset.radius);
  for (const section of svg.querySelectorAll("[data-section]"))
    for (const row of section.children)
      for (const circle of row.querySelectorAll("circle"))
        seats.set(circle.id, {
          id: circle.id, circle, section: section.dataset.section, label: `${row.dataset.row}-${circle.dataset.n}`,
          category: legend.get(circle.getAttribute("class").slice(1)).dataset.category,
          x: circle.cx.baseVal.value, y: circle.cy.baseVal.value, status: "available", mark: null,
        });
  ring = circleOf("cursor", { cx: 0, cy: 0 }, 1.35);
  ring.setAttribute("visibility", "hidden");
  for (const [name, value] of Object.entries({ tabindex: 0, role: "application", "aria-label": "Seat map", "aria-describedby": "map-help" }))
    svg.setAttribute(name, value);
  map.replaceChildren(svg, zoomButtons());
  document.getElementById("map-help").hidden = false;
  view = new Viewport(map, svg, tap);
  svg.addEventListener("keydown", onKey);
  svg.addEventListener("blur", () => ring.setAttribute("visibility", "hidden"));
  for (const line of lines.children) mark(seats.get(line.dataset.seat), true);
  await refresh();
}

function circleOf(name, { cx, cy }, size) {
  const circle = document.createElementNS(SVG, "circle");
  const given = { class: name, cx, cy, r: radius * size, "stroke-width": radius * 0.35 };
  for (const [key, value] of Object.entries(given)) circle.setAttribute(key, value);
  return svg.appendChild(circle);
}

function zoomButtons() {
  const box = document.createElement("div");
  box.className = "zoom";
  for (const [sign, label, act] of [
    ["+", "Zoom in", () => view.zoom(1.6)],
    ["−", "Zoom out", () => view.zoom(1 / 1.6)],
    ["", "Show the whole map", () => view.reset()],
  ]) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: sign });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    box.append(button);
  }
  return box;
}

// --- Statuses ----------------------------------------------------------------------------

async function refresh() {
  try {
    const response = await fetch(map.dataset.availability + (since ? `?since=${encodeURIComponent(since)}` : ""));
    if (response.status === 400) since = ""; // the cursor is too old: begin again
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    apply(await response.json());
    wait = EVERY_MS;
  } catch {
    wait = Math.min(wait * 2, LONGEST_MS);
  }
  setTimeout(refresh, wait);
}

function apply(answer) {
  const gone = new Map(answer.changed.map(({ seat, status }) => [seat, status]));
  for (const seat of seats.values()) {
    const status = gone.get(seat.id) ?? (since ? seat.status : "available");
    if (status === seat.status) continue;
    seat.status = status;
    seat.circle.classList.toggle("gone", status !== "available");
    if (status !== "available" && seat.mark) {
      remove(seat);
      say(`${seat.section}, ${seat.label} has just been taken: it is no longer in this sale.`);
    }
  }
  for (const item of legend.values()) {
    const counts = answer.counts.find(({ category }) => category === item.dataset.category);
    item.querySelector(".free").textContent = counts?.available ?? 0;
  }
  since = answer.cursor;
  map.dataset.ready = "yes";
}

// --- Choosing ----------------------------------------------------------------------------

function say(text) {
  said.textContent = text;
}

function mark(seat, on) {
  if (!seat) return;
  seat.mark?.remove();
  seat.mark = on ? circleOf("pick", { cx: seat.x, cy: seat.y }, 1.1) : null;
}

function toggle(seat) {
  if (seat.mark) remove(seat);
  else if (seat.status === "available") add(seat);
  else say(`${seat.section}, ${seat.label} is ${seat.status}.`);
}

function add(seat) {
  const line = document.getElementById("line").content.firstElementChild.cloneNode(true);
  line.dataset.seat = line.querySelector("[name=seat]").value = seat.id;
  line.querySelector(".where").textContent = `${seat.section}, ${seat.label}`;
  const select = line.querySelector("select");
  select.name = `type-${seat.id}`;
  select.setAttribute("aria-label", `Price of ${seat.label}`);
  for (const { id, label, minor } of prices[seat.category].types) {
    const option = new Option(label, id);
    option.dataset.minor = minor;
    select.append(option);
  }
  lines.append(line);
  mark(seat, true);
  say(`${seat.section}, ${seat.label} chosen; nothing is sold yet.`);
  addUp();
}

function remove(seat) {
  lines.querySelector(`[data-seat="${seat.id}"]`)?.remove();
  mark(seat, false);
  addUp();
}

function addUp() {
  let sum = 0;
  const isGift = form.elements.paid_by.value === "comp";
  for (const line of lines.children) {
    line.querySelector("[data-remove]").hidden = false;
    const select = line.querySelector("select");
    select.disabled = isGift;
    sum += isGift ? 0 : Number(select.selectedOptions[0].dataset.minor);
  }
  const number = lines.children.length;
  document.getElementById("none").hidden = number > 0;
  total.textContent = `${money.format(sum / 10 ** decimals)} ${currency}`;
  form.querySelector(".buy").textContent = number ? `Sell ${number} ${number === 1 ? "ticket" : "tickets"}` : "Sell";
}

form.addEventListener("change", addUp);
lines.addEventListener("click", (event) => {
  if (!event.target.matches("[data-remove]")) return;
  const line = event.target.closest("li");
  const seat = seats.get(line.dataset.seat);
  if (seat) remove(seat);
  else line.remove();
  addUp();
});

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
    if (seatAt(point, 30 * pixel)) view.zoomTo(point, radius / pixel < 3 ? 4 : 2.2);
    return;
  }
  const seat = seatAt(point, 10 * pixel);
  if (seat) toggle(seat);
}

function onKey(event) {
  if (event.key in ARROWS) step(...ARROWS[event.key]);
  else if ((event.key === "Enter" || event.key === " ") && cursor) toggle(cursor);
  else if (event.key === "+") view.zoom(1.6);
  else if (event.key === "-") view.zoom(1 / 1.6);
  else return;
  event.preventDefault();
}

/** Go to the nearest seat in a direction; what lies off the line counts as farther. */
function step(dx, dy) {
  if (!cursor) cursor = [...seats.values()].find((seat) => seat.status === "available") ?? seats.values().next().value;
  else {
    let best = null;
    let least = Infinity;
    for (const seat of seats.values()) {
      const along = (seat.x - cursor.x) * dx + (seat.y - cursor.y) * dy;
      const aside = Math.abs((seat.x - cursor.x) * dy) + Math.abs((seat.y - cursor.y) * dx);
      if (along < radius * 0.2 || aside > along * 2.5) continue;
      if (along + aside * 2 < least) [best, least] = [seat, along + aside * 2];
    }
    cursor = best ?? cursor;
  }
  if (!cursor) return;
  for (const [name, value] of Object.entries({ cx: cursor.x, cy: cursor.y, visibility: "visible" })) ring.setAttribute(name, value);
  view.show(cursor.x, cursor.y);
  say(`${cursor.section}, ${cursor.label}: ${cursor.mark ? "chosen" : cursor.status}, ${prices[cursor.category].name}.`);
}

addUp();
start().catch((error) => {
  map.textContent = "The map could not be loaded. Choose the best available.";
  console.warn(error);
});
