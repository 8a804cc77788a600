// Redraws the scoreboard while its stampede runs. The server draws; this only asks again.
const board = document.getElementById("scoreboard");
const EVERY_MS = 700;
const LONGEST_MS = 10_000;

let wait = EVERY_MS;

async function refresh() {
  try {
    const response = await fetch(board.dataset.live, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const answer = await response.json();
    board.innerHTML = answer.html; // escaped by the server's templates
    if (answer.over) return;
    wait = EVERY_MS;
  } catch {
    wait = Math.min(wait * 2, LONGEST_MS); // the server is away: ask less often
  }
  setTimeout(refresh, wait);
}

setTimeout(refresh, EVERY_MS);
