"""A ticket in a real browser, on a phone held to a scanner."""

from __future__ import annotations

import io
from collections.abc import Callable

import PIL.Image
import pytest
import zxingcpp
from playwright.sync_api import Page

from accounts.models import User
from sales.models import Seat
from sales.tickets import code_of
from tests.helpers.admission import make_ticket
from tests.helpers.browsers import PHONE

pytestmark = pytest.mark.django_db(transaction=True)


def test_is_read_off_the_screen(open_page: Callable[..., Page], seat: Seat, fay: User) -> None:
    ticket = make_ticket(seat, fay)
    page = open_page(f"/orders/{ticket.order_id}/", as_user=fay, viewport=PHONE)
    page.get_by_role("link", name="Show ticket").click()
    picture = page.get_by_alt_text("QR code of this ticket")
    picture.scroll_into_view_if_needed()
    picture.evaluate("picture => picture.decode()")  # it may be on its way still
    screen = PIL.Image.open(io.BytesIO(page.screenshot()))
    assert [each.text for each in zxingcpp.read_barcodes(screen)] == [code_of(ticket)]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
