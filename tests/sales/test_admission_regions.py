"""The door, through the endpoints of two regions, as DSQL would have it: conflicts at COMMIT."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from accounts.models import User
from sales.models import Scan, ScanOutcome, Seat
from sales.scanning import Verdict
from tests.helpers.admission import make_ticket, scan
from tests.helpers.regions import Regions

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_regions_at_once_admit_once(
    regions: Regions, seats: list[Seat], fay: User, bob: User
) -> None:
    for seat in seats[:3]:
        ticket = make_ticket(seat, fay)
        gates = [(region, partial(scan, ticket, bob)) for region in (0, 1, 0, 1)]
        verdicts = regions.at_once(gates)
        assert all(isinstance(each, Verdict) for each in verdicts), verdicts
        told = Counter(each.scan.outcome for each in verdicts)
        assert told == {ScanOutcome.ADMITTED: 1, ScanOutcome.ALREADY_ADMITTED: 3}
    assert Scan.objects.filter(outcome=ScanOutcome.ADMITTED).count() == 3


def test_knows_its_admission_again_after_a_lost_commit(
    regions: Regions, seat: Seat, fay: User, bob: User
) -> None:
    ticket = make_ticket(seat, fay)
    regions.endpoints[0].control.set(cut_after_commit=1)
    (verdict,) = regions.at_once([(0, partial(scan, ticket, bob))])
    assert isinstance(verdict, Verdict), verdict
    assert verdict.admits
    assert Scan.objects.count() == 1
