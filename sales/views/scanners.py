"""The scanner: a page for a phone's camera that goes on without a connection.

The page is the same each time; what it shows comes from the API. `worker.js` keeps it and its
files on the device. The rest is in `static/worldseat/door/`.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from uuid import UUID

from csp.constants import SELF, WASM_UNSAFE_EVAL
from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from sales.events import EventNotFound
from sales.scanning import event_at_door

__all__ = ["manifest", "scanner", "worker"]

_FILES = (
    "icon.svg",
    "style.css",
    "door/camera.js",
    "door/codes.js",
    "door/icon-192.png",
    "door/page.js",
    "door/scanner.css",
    "door/scanner.js",
    "door/signals.js",
    "door/store.js",
    "door/sync.js",
    "vendor/noble-ed25519.js",
    "vendor/zxing_reader.js",
    "vendor/zxing_reader.wasm",
)
_WORKER = "worldseat/door/worker.js"


@require_safe
@login_required
@never_cache
@ensure_csrf_cookie
# The reader of QR codes is WebAssembly.
@csp_update({"script-src": [SELF, WASM_UNSAFE_EVAL]})  # type: ignore[arg-type] # takes any view
def scanner(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show the scanner of an event."""
    try:
        event = event_at_door(event_id=event_id, user=request.user)
    except EventNotFound:
        raise Http404 from None
    return render(request, "sales/scanner.html", {"event": event})


@require_safe
def manifest(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Tell a phone how the page looks among its apps. It says nothing of the event."""
    page = reverse("sales:scanner", args=[event_id])
    described = {
        "id": page,
        "name": "WorldSeat door",
        "short_name": "Door",
        "start_url": page,
        "scope": reverse("sales:door"),
        "display": "standalone",
        "background_color": "#121416",
        "theme_color": "#0f766e",
        "icons": [
            {"src": static("worldseat/icon.svg"), "sizes": "any", "type": "image/svg+xml"},
            *(
                {
                    "src": static(f"worldseat/door/icon-{size}.png"),
                    "sizes": f"{size}x{size}",
                    "type": "image/png",
                }
                for size in (192, 512)
            ),
        ],
    }
    return JsonResponse(described, content_type="application/manifest+json")


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker, from where its scope is `/door/`."""
    files, version = _kept_files()
    lines = [
        f"const FILES = {json.dumps(files)};",
        f"const VERSION = {json.dumps(version)};",
        f"importScripts({json.dumps(static(_WORKER))});",
    ]
    response = HttpResponse("\n".join(lines) + "\n", content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return response


@cache
def _kept_files() -> tuple[list[str], str]:
    """Return the addresses of the files to keep, and a version that changes whenever one does."""
    version = hashlib.sha256()
    for name in (*(f"worldseat/{each}" for each in _FILES), _WORKER):
        version.update(Path(str(finders.find(name))).read_bytes())
    return sorted(static(f"worldseat/{each}") for each in _FILES), version.hexdigest()[:16]
