// Keeps the scanner's page for when there is no connection. `/door/worker.js` sets FILES and VERSION.
const PAGES = "door-pages";
const FILES_CACHE = `door-files-${VERSION}`;
const PAGE = /^\/door\/[0-9a-f-]{36}\/$/;
const PATIENCE_MS = 4_000;

self.addEventListener("install", (event) => {
  const fresh = FILES.map((url) => new Request(url, { cache: "reload" }));
  event.waitUntil(
    caches.open(FILES_CACHE).then((cache) => cache.addAll(fresh)).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(
        names.filter((name) => name.startsWith("door-") && ![PAGES, FILES_CACHE].includes(name)).map((name) => caches.delete(name)),
      ))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate" && PAGE.test(url.pathname)) event.respondWith(page(request, url.pathname));
  else if (FILES.includes(url.pathname)) event.respondWith(file(request, url.pathname));
});

/** The page as the server has it (or its way to the login); without a server, as it was. */
async function page(request, path) {
  const cache = await caches.open(PAGES);
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) await cache.put(path, response.clone());
    if (response.status < 500) return response;
  } catch {
    // No connection: the copy.
  }
  return (await cache.match(path)) ?? Response.error();
}

async function file(request, path) {
  return (await caches.match(path, { cacheName: FILES_CACHE })) ?? fetch(request);
}
