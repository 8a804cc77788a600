"""Availability is given again from memory, while it is still right, to who shows nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory

from sales import occupancy
from sales.models import Event, Seat
from worldseat import repeating
from worldseat.repeating import Repeating

pytestmark = pytest.mark.django_db(transaction=True)


class Clock:
    """Monotonic seconds that a test moves."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


class Site:
    """The site behind `Repeating`, and how often Django itself was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.meanwhile: Callable[[], None] = lambda: None  # while Django is asked
        django = get_wsgi_application()

        def count(environ: Any, start: Any) -> Any:
            self.asked += 1
            self.meanwhile()
            return django(environ, start)

        self._application = Repeating(count)

    def get(self, path: str, **headers: str) -> tuple[str, dict[str, str], bytes]:
        started: list[Any] = []
        environ = RequestFactory().get(path, headers=headers).environ
        environ.pop("HTTP_COOKIE", None)
        if "cookie" in headers:
            environ["HTTP_COOKIE"] = headers["cookie"]
        answer = self._application(environ, lambda status, found: started.append((status, found)))
        body = b"".join(answer)
        status, found = started[0]
        return status[:3], {name.lower(): value for name, value in found}, body


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    occupancy._copies = occupancy._Copies()
    clock = Clock()
    monkeypatch.setattr(repeating, "time", clock)
    monkeypatch.setattr("sales.api.views.time", clock)
    return clock


def path_of(event: Event) -> str:
    return f"/api/v1/events/{event.pk}/availability/"


def test_the_same_question_gets_the_same_answer_with_its_age(event: Event, clock: Clock) -> None:
    site = Site()
    first = json.loads(site.get(path_of(event))[2])
    clock.seconds += 0.2
    status, headers, body = site.get(path_of(event))
    again = json.loads(body)
    assert (status, site.asked) == ("200", 1)
    assert int(headers["content-length"]) == len(body)
    assert again.pop("age") == pytest.approx(first.pop("age") + 0.2, abs=0.002)
    assert again == first


def test_only_for_as_long_as_the_copy_is_used(event: Event, seat: Seat, clock: Clock) -> None:
    site = Site()
    site.get(path_of(event))
    clock.seconds += occupancy.RENEW_AFTER.total_seconds() + 0.01
    site.get(path_of(event))
    assert site.asked == 2


def test_one_renews_what_is_due_while_the_others_go_on(event: Event, clock: Clock) -> None:
    site = Site()
    site.get(path_of(event))
    clock.seconds += occupancy.RENEW_AFTER.total_seconds() + 0.01
    meanwhile: list[tuple[str, float, int]] = []

    def ask_meanwhile() -> None:
        site.meanwhile = lambda: None
        status, _, body = site.get(path_of(event))
        meanwhile.append((status, json.loads(body)["age"], site.asked))
        clock.seconds += (occupancy.FRESH_FOR - occupancy.RENEW_AFTER).total_seconds()
        status, _, body = site.get(path_of(event))
        meanwhile.append((status, json.loads(body)["age"], site.asked))

    site.meanwhile = ask_meanwhile
    site.get(path_of(event))
    (_, age, asked), (_, late_age, asked_late) = meanwhile
    assert age == pytest.approx(0.71, abs=0.1)
    assert asked == 2  # from memory
    assert late_age < occupancy.RENEW_AFTER.total_seconds()  # by the real clock, as Django has it
    assert asked_late == 3  # it was too old by then
    assert [status for status, _, _ in meanwhile] == ["200", "200"]


def test_who_was_to_renew_and_failed_leaves_it_to_the_next_one(event: Event, clock: Clock) -> None:
    site = Site()
    site.get(path_of(event))
    clock.seconds += occupancy.RENEW_AFTER.total_seconds() + 0.01

    def fail() -> None:
        site.meanwhile = lambda: None
        raise ConnectionError

    site.meanwhile = fail
    with pytest.raises(ConnectionError):
        site.get(path_of(event))
    site.get(path_of(event))
    assert site.asked == 2  # still good for the third of a second
    clock.seconds += (occupancy.FRESH_FOR - occupancy.RENEW_AFTER).total_seconds()
    for _ in range(2):
        site.get(path_of(event))
    assert site.asked == 3


def test_an_etag_that_is_still_right_gets_304(event: Event, clock: Clock) -> None:
    site = Site()
    etag = site.get(path_of(event))[1]["etag"]
    for _ in range(3):
        status, headers, body = site.get(path_of(event), **{"if-none-match": etag})
        assert (status, body, headers["etag"]) == ("304", b"", etag)
    assert site.asked == 2


@pytest.mark.parametrize("headers", [{"authorization": "Bearer x"}, {"cookie": "sessionid=x"}])
def test_who_shows_credentials_is_looked_at(
    event: Event, clock: Clock, headers: dict[str, str]
) -> None:
    site = Site()
    site.get(path_of(event))
    site.get(path_of(event), **headers)
    assert site.asked == 2


def test_what_is_no_availability_is_not_kept(event: Event, draft: Event, clock: Clock) -> None:
    site = Site()
    for path in (path_of(draft), f"/api/v1/events/{event.pk}/", f"{path_of(event)}?since=x"):
        answers = [site.get(path)[0] for _ in range(2)]
        assert len(set(answers)) == 1
    assert site.asked == 6
