// Redraws the parts of a page that change by themselves: those with data-live, the seconds between
// two looks. The server draws them as it drew the page.
const LONGEST_S = 60;

async function refresh(part, wait) {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) throw new Error(`HTTP ${response.status}`);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const found = fresh.querySelector("[data-live]");
    // Whoever is in a link or field of it right now keeps her place.
    if (found && !part.contains(document.activeElement)) part.replaceChildren(...found.childNodes);
    wait = Number(part.dataset.live);
  } catch {
    wait = Math.min(wait * 2, LONGEST_S); // the server is away: ask less often
  }
  later(part, wait);
}

function later(part, wait) {
  setTimeout(() => {
    if (!document.hidden) return refresh(part, wait);
    document.addEventListener("visibilitychange", () => refresh(part, wait), { once: true });
  }, wait * 1_000);
}

const part = document.querySelector("[data-live]");
if (part) later(part, Number(part.dataset.live));
