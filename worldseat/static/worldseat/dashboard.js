// Redraws the dashboard of a sale. The server draws the charts; this puts them in their places,
// and colours the seats of the map.
import { Viewport } from "./viewport.js";

const EVERY_MS = 3_000;
const LONGEST_MS = 30_000;
const STALE_MS = 15_000;
// The cursor of the seats is left behind now and then, so that nothing is missed for long.
const ANEW_EVERY = 100;
// A sale is this many seconds old at most, and has this colour.
const AGES = [[60, "h0"], [300, "h1"], [1_800, "h2"], [86_400, "h3"], [Infinity, "h4"]];

const board = document.getElementById("dashboard");
const heat = document.getElementById("heat");
const stale = document.getElementById("stale");

/** Every seat of the drawing, by id: its circle, status and when it changed. */
const seats = new Map();
let since = "";
let asked = 0;
let wait = EVERY_MS;
let heardAt = performance.now();
let by = "when";

async function drawMap() {
  const response = await fetch(heat.dataset.map);
  if (!response.ok) return;
  const drawing = new DOMParser().parseFromString(await response.text(), "image/svg+xml");
  const svg = document.importNode(drawing.documentElement, true);
  for (const circle of svg.querySelectorAll("circle[id]")) seats.set(circle.id, { circle, status: "available", at: 0 });
  heat.replaceChildren(svg);
  new Viewport(heat, svg, () => {});
  const choice = document.querySelector(".heat-by");
  choice.hidden = false;
  choice.addEventListener("change", (event) => {
    by = event.target.value;
    for (const list of document.querySelectorAll(".heat-legend")) list.hidden = !list.classList.contains(by);
    colour(Date.now() / 1000);
  });
}

function colour(now) {
  for (const { circle, status, at } of seats.values()) {
    let name = status;
    if (by === "when") name = status === "sold" ? AGES.find(([most]) => now - at <= most)[1] : "left";
    circle.setAttribute("class", name === "available" ? "left" : name);
  }
}

async function refresh() {
  try {
    if (asked++ % ANEW_EVERY === 0) since = "";
    const response = await fetch(board.dataset.live + (since ? `?since=${since}` : ""));
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    apply(await response.json());
    wait = EVERY_MS;
    heardAt = performance.now();
  } catch {
    wait = Math.min(wait * 2, LONGEST_MS); // the server is away: ask less often
  }
  stale.hidden = performance.now() - heardAt < STALE_MS;
  setTimeout(refreshWhenSeen, wait);
}

function refreshWhenSeen() {
  if (!document.hidden) return refresh();
  document.addEventListener("visibilitychange", refresh, { once: true });
}

function apply(answer) {
  for (const [name, html] of Object.entries(answer.parts)) {
    const part = document.getElementById(`part-${name}`);
    // Escaped by the server's templates. Who is in it with the keyboard is left there.
    if (!part.contains(document.activeElement)) part.innerHTML = html;
  }
  if (!since) for (const seat of seats.values()) seat.status = "available";
  for (const [id, status, at] of answer.seats) {
    const seat = seats.get(id);
    if (seat) Object.assign(seat, { status, at });
  }
  since = answer.cursor;
  colour(answer.read_at);
  board.dataset.ready = "yes";
}

if (heat) await drawMap();
await refresh();
