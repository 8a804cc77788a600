// How long the seats are still kept; when that is over, the page says so.
const left = document.getElementById("left");
const end = performance.now() + 1000 * Number(left.dataset.seconds);

function tick() {
  const seconds = Math.ceil((end - performance.now()) / 1000);
  if (seconds <= 0) return location.reload();
  left.textContent = ` (${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left)`;
  left.hidden = seconds > 3600;
  setTimeout(tick, 1000);
}

tick();
