"""A request of the admin that writes runs under the conflict retry, whole."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse

from worldseat.dsql.occ import NestedRetryError, occ_retry

__all__ = ["retried"]


def retried(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Run a view in a transaction, and again when it loses a conflict; reads just run.

    What the attempt before said or kept on the request is taken back. A view whose domain call
    opens a transaction of its own, and so retries by itself, runs without ours: nothing has been
    written by then. Raises OutcomeUnknown, and the conflict when it does not settle: nothing was
    changed then.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return view()
    forget = _remember(request)

    @occ_retry()
    def attempt() -> HttpResponse:
        forget()
        return view()

    try:
        return attempt()
    except NestedRetryError:
        forget()
        return view()


def _remember(request: HttpRequest) -> Callable[[], None]:
    """Return what puts the request back to how it is now."""
    storage = get_messages(request)
    said = list(getattr(storage, "_queued_messages", []))

    def forget() -> None:
        if hasattr(storage, "_queued_messages"):
            storage._queued_messages = list(said)
        request.__dict__.pop("audit_held", None)
        for file in request.FILES.values():
            file.seek(0)  # type: ignore[union-attr]  # one field, one file here

    return forget
