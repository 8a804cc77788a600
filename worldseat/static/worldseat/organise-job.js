// Redraws a job's progress until it is over. The server draws; this only asks again.
const live = document.getElementById("job");
const EVERY_MS = 600;
const LONGEST_MS = 10_000;

let wait = EVERY_MS;

async function refresh() {
  try {
    const response = await fetch(live.dataset.live, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const answer = await response.json();
    live.innerHTML = answer.html; // escaped by the server's templates
    if (answer.over) {
      document.querySelector(".stop-job")?.remove();
      return;
    }
    wait = EVERY_MS;
  } catch {
    wait = Math.min(wait * 2, LONGEST_MS); // the server is away: ask less often
  }
  setTimeout(refresh, wait);
}

setTimeout(refresh, EVERY_MS);
