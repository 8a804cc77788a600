"""Starting and stopping a stampede from a page: the organisation's managers may."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from kombu.exceptions import OperationalError

from sales.models import Event, Shape
from sales.seats import SeatNotFound, find_seat
from sales.stampede.contenders import CONTENDERS
from sales.stampede.options import Options
from sales.stampede.ordering import (
    MayNotStampede,
    StampedeNotFound,
    events_for_stampedes,
    order_stampede,
    stop_as,
)
from sales.stampede.plan import MOST_BUYERS, MOST_RATE, CannotStampede
from sales.stampede.workers import BrokerUnreachable, NoWorker
from sales.tasks import stampede as send_stampede

__all__ = ["start", "stop"]

# What needs servers that only the operator's command starts.
_OPERATORS = frozenset(name for name in CONTENDERS if name == "http" or name.startswith("dynamodb"))


class StartForm(forms.Form):
    """Where, what they want, how many, and what sells it."""

    event = forms.ModelChoiceField(Event.objects.none(), empty_label=None)
    shape = forms.ChoiceField(choices=Shape.choices, label="What they want")
    seat = forms.CharField(
        max_length=200,
        required=False,
        label="Which seat, if it is one",
        help_text="Row and number, such as A-1.",
    )
    buyers = forms.IntegerField(min_value=1, max_value=MOST_BUYERS, initial=60)
    waiting_room = forms.IntegerField(
        min_value=1,
        max_value=MOST_RATE,
        required=False,
        label="Through a waiting room, so many a minute",
        help_text="Leave it empty to let all buy at once.",
    )
    contender = forms.ChoiceField(
        choices=[(name, each.title) for name, each in CONTENDERS.items() if name not in _OPERATORS],
        label="What sells it",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Show the form; filled in, send the buyers off and lead to the scoreboard."""
    events = events_for_stampedes(request.user)
    if not events.exists():
        raise PermissionDenied
    form = StartForm(request.POST or None)
    form.fields["event"].queryset = events  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        started = _start(request, form)
        if started is not None:
            return redirect("sales:stampede", started)
    return render(request, "sales/stampede_start.html", {"form": form})


def _start(request: HttpRequest, form: StartForm) -> UUID | None:
    """Send the buyers off; None, and the form says why, if that cannot be."""
    wanted = form.cleaned_data
    event, shape = wanted["event"], wanted["shape"]
    try:
        one_seat = shape == Shape.ONE_SEAT
        seat = find_seat(event=event, name=wanted["seat"] or "A-1") if one_seat else None
        return order_stampede(
            user=request.user,
            event_id=event.pk,
            seat_id=seat.pk if seat else None,
            buyers=wanted["buyers"],
            regions=settings.REGIONS,
            options=Options(
                contender=wanted["contender"],
                shape=shape,
                waiting_room=wanted["waiting_room"] or 0,
            ),
            send=send_stampede.delay,
            now=timezone.now(),
        ).pk
    except SeatNotFound as error:
        form.add_error("seat", str(error))
    except CannotStampede as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
    except (NoWorker, BrokerUnreachable, OperationalError):
        form.add_error(None, "No worker is there to run the buyers. Nothing was started.")
    return None


@require_POST
@login_required
def stop(request: HttpRequest, stampede_id: UUID) -> HttpResponse:
    """Let no further buyer begin, and lead back to the scoreboard."""
    try:
        stop_as(user=request.user, stampede_id=stampede_id, now=timezone.now())
    except StampedeNotFound:
        raise Http404 from None
    except MayNotStampede as error:
        raise PermissionDenied(error.__doc__) from None
    messages.info(request, "The stampede was asked to stop.")
    return redirect("sales:stampede", stampede_id)
