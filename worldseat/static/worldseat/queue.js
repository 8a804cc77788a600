// The waiting room: look again when the server says so, and go on to the seats when it is time.
const box = document.getElementById("queue");

/** Write into what is marked `data-of`, only where it changes: a reader is told changes. */
function write(name, value) {
  for (const each of box.querySelectorAll(`[data-of="${name}"]`)) {
    const text = String(value);
    if (each.textContent !== text) each.textContent = text;
  }
}

/** Show or hide; what is shown in the live region is read out. */
function show(selector, shown) {
  const found = box.querySelector(selector);
  if (found && found.hidden === shown) found.hidden = !shown;
}

/** Say how long, as the page does: `waiting_words` of the templates. */
function words(seconds) {
  if (seconds === null) return "unknown";
  if (seconds < 60) return "under a minute";
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  return `${Math.round(minutes / 60)} hours`;
}

function draw(told) {
  for (const each of box.querySelectorAll("[data-when]")) {
    const shown = each.dataset.when === told.state;
    if (each.hidden === shown) each.hidden = !shown;
  }
  box.dataset.state = told.state;
  show("[data-figures]", told.ahead !== null);
  show("[data-few]", told.too_few_seats);
  show("[data-anew]", told.state === "pass-ended");
  if (told.ahead !== null) write("place", told.ahead + 1);
  write("wait", words(told.estimated_seconds));
  write("seats", told.seats.available);
  write("held", told.seats.held);
  write("joined", told.joined);
  if (told.state === "admitted" || told.state === "off") location.reload();
}

let timer;

async function look() {
  clearTimeout(timer);
  let again = Number(box.dataset.again) || 10;
  try {
    const answer = await fetch(box.dataset.poll, { credentials: "omit" });
    show("[data-lost]", false);
    if (answer.status === 404) return location.reload();
    again = Number(answer.headers.get("Retry-After")) || again;
    if (answer.ok) draw(await answer.json());
  } catch {
    show("[data-lost]", true);
  }
  timer = setTimeout(look, again * 1000);
}

timer = setTimeout(look, (Number(box.dataset.again) || 10) * 1000);
// Who comes back to the tab wants to know now.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
