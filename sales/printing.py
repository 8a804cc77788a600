"""Tickets to show and to print: the QR code as SVG, the whole ticket as PDF.

fpdf2 writes the PDF: it embeds subsets of TrueType fonts and shapes complex scripts (with
HarfBuzz), in pure Python else. ReportLab shapes none, WeasyPrint needs Pango from the system.
The font is FiraGO: Latin, Greek, Cyrillic, Arabic, Hebrew, Thai, Georgian and Devanagari, more
than any other that comes from PyPI without half a gigabyte. TICKET_FONTS names more.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pymupdf_fonts
import segno
from django.conf import settings
from django.utils import timezone

from sales.models import Event, EventState, Ticket, TicketState
from sales.tickets import code_of
from worldseat.money import format_money

if TYPE_CHECKING:
    # It takes half a second of a process's start, and most processes print nothing.
    from fpdf import FPDF

__all__ = ["qr_svg", "ticket_pdf", "tickets_pdf", "when", "when_at"]

_FAMILY = "firago"
_FONTS = {"": "figo", "B": "figbo"}  # pymupdf-fonts' own names

# Millimetres, on A4.
_LEFT, _TOP, _WIDTH, _HEIGHT = 15, 18, 180, 104
_PAD = 9
_QR = 50
_TEXT_WIDTH = _WIDTH - _QR - 3 * _PAD

_INK, _GREY, _LINE, _VOID = (20, 24, 40), (95, 100, 115), (190, 195, 205), (176, 0, 32)


def qr_svg(ticket: Ticket) -> bytes:
    """Return the QR code of a ticket as SVG, with its quiet zone; raises TicketVoid."""
    out = io.BytesIO()
    _qr(ticket).save(out, kind="svg", scale=8, border=4, light="#fff", xmldecl=False)
    return out.getvalue()


def _qr(ticket: Ticket) -> segno.QRCode:
    # M: a fold or a scratch may cost 15 % of it.
    return segno.make_qr(code_of(ticket), error="m", boost_error=False)


def when(event: Event) -> str:
    """Write when an event starts, in its venue's time zone: `Friday, 1 January 2027, 20:00 CET`."""
    return when_at(event.starts_at, event.venue.zone)


def when_at(instant: datetime, zone: tzinfo) -> str:
    """Write an instant in a time zone, as `when` does."""
    local = timezone.localtime(instant, zone)
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M} {local:%Z}"


def ticket_pdf(ticket: Ticket) -> bytes:
    """Return a ticket as a PDF of one page; a void one says so and has no code."""
    return tickets_pdf([ticket])


def tickets_pdf(tickets: Sequence[Ticket]) -> bytes:
    """Return tickets (at least one) as a PDF of a page each."""
    # fpdf2 reads fonts from files only, and they come as bytes.
    with tempfile.TemporaryDirectory(prefix="worldseat-fonts-") as folder:
        pdf = _document(tickets[0], Path(folder))
        for ticket in tickets:
            _draw(pdf, ticket)
        return bytes(pdf.output())


def _draw(pdf: FPDF, ticket: Ticket) -> None:
    pdf.add_page()
    pdf.set_draw_color(_LINE)
    pdf.rect(_LEFT, _TOP, _WIDTH, _HEIGHT, style="D", round_corners=True, corner_radius=4)
    _draw_event(pdf, ticket)
    _draw_place(pdf, ticket)
    if ticket.event.state == EventState.CANCELLED:
        _draw_void(pdf, "It does not take place: the event is cancelled.")
    elif ticket.state == TicketState.VALID:
        _draw_code(pdf, ticket)
    else:
        _draw_void(pdf, "It was cancelled or exchanged.")


def _document(ticket: Ticket, folder: Path) -> FPDF:
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(auto=False)
    pdf.c_margin = 0
    pdf.set_title(f"{ticket.event.name}, {ticket.seat}")
    pdf.set_lang("en")
    for style, name in _FONTS.items():
        path = folder / f"{name}.ttf"
        path.write_bytes(pymupdf_fonts.myfont(name))
        pdf.add_font(_FAMILY, style, path)
    for number, more in enumerate(settings.TICKET_FONTS):
        pdf.add_font(f"more{number}", "", more)
    more_fonts = [f"more{number}" for number in range(len(settings.TICKET_FONTS))]
    pdf.set_fallback_fonts(more_fonts, exact_match=False)
    pdf.set_text_shaping(True)
    return pdf


def _write(
    pdf: FPDF, text: str, *, size: float, bold: bool = False, width: float = _TEXT_WIDTH
) -> None:
    """Write a text below what is there: two lines, or three smaller ones, or what fits them."""
    text = _drawable(pdf, text)
    for points, most in ((size, 2), (size * 0.66, 3)):
        pdf.set_font(_FAMILY, "B" if bold else "", points)
        height = points * 0.46
        found = pdf.multi_cell(width, height, text, dry_run=True, output="LINES", align="L")
        lines = cast("list[str]", found)
        if len(lines) <= most:
            break
    shown = "\n".join(lines[:most]) + (" …" if len(lines) > most else "")
    pdf.multi_cell(width, height, shown, align="L", new_x="LEFT", new_y="NEXT")


def _drawable(pdf: FPDF, text: str) -> str:
    """Put a box for what no font has, where fpdf2 would leave nothing to be seen."""
    from fpdf.fonts import TTFFont

    fonts = [each for each in pdf.fonts.values() if isinstance(each, TTFFont)]
    known = {character for font in fonts for character in font.cmap}
    return "".join(each if ord(each) in known else "\u25af" for each in text)


def _draw_event(pdf: FPDF, ticket: Ticket) -> None:
    event, venue = ticket.event, ticket.event.venue
    pdf.set_xy(_LEFT + _PAD, _TOP + _PAD)
    pdf.set_text_color(_INK)
    _write(pdf, event.name, size=20, bold=True)
    pdf.y += 2
    _write(pdf, when(event), size=11)
    pdf.set_text_color(_GREY)
    _write(pdf, ", ".join(filter(None, [venue.name, venue.city])), size=11)
    if event.is_simulation:
        pdf.set_text_color(_VOID)
        _write(pdf, "Simulation: nothing sold here is real", size=10, bold=True)


def _draw_place(pdf: FPDF, ticket: Ticket) -> None:
    seat = ticket.seat
    price = format_money(ticket.total_minor, ticket.currency)
    kind = f" ({ticket.price_type})" if ticket.price_type else ""
    place = [("Section", seat.section, 0.5), ("Row", seat.row, 0.25), ("Seat", seat.number, 0.25)]
    _draw_facts(pdf, place, y=_TOP + 47, size=16)
    holder = ticket.fan.known_as
    _draw_facts(
        pdf, [("Name", holder, 0.5), ("Price", f"{price}{kind}", 0.5)], y=_TOP + 69, size=10.5
    )
    order = [("E-mail", ticket.fan.mailbox or "-", 0.5), ("Order", ticket.order.reference, 0.5)]
    _draw_facts(pdf, order, y=_TOP + 85, size=10.5)


def _draw_facts(pdf: FPDF, facts: list[tuple[str, str, float]], *, y: float, size: float) -> None:
    """Draw facts side by side: a small label each, and what it is; the last is its width."""
    x = float(_LEFT + _PAD)
    for label, text, share in facts:
        width = _TEXT_WIDTH * share
        pdf.set_xy(x, y)
        pdf.set_text_color(_GREY)
        _write(pdf, label, size=8, width=width)
        pdf.set_text_color(_INK)
        _write(pdf, text, size=size, bold=True, width=width - 2)
        x += width


def _draw_code(pdf: FPDF, ticket: Ticket) -> None:
    """Draw the QR code as one path, sharp at any size, and the code below for keyboards."""
    left, top = float(_LEFT + _WIDTH - _PAD - _QR), float(_TOP + _PAD)
    _draw_qr(pdf, _qr(ticket), left, top)
    pdf.set_xy(left, top + _QR + 4)
    pdf.set_text_color(_GREY)
    _write(pdf, "Show this code at the door. It lets one person in, once.", size=8, width=_QR)
    pdf.y += 2
    pdf.set_font("courier", "", 6)
    code = code_of(ticket)
    for at in range(0, len(code), 38):
        pdf.cell(_QR, 2.8, code[at : at + 38], new_x="LEFT", new_y="NEXT")


def _draw_qr(pdf: FPDF, code: segno.QRCode, left: float, top: float) -> None:
    rows = [bytes(row) for row in code.matrix]
    module = _QR / len(rows)
    with pdf.new_path() as path:
        # One path, filled at once: between single squares a viewer may leave hairlines.
        path.style.fill_color = "#000"
        path.style.stroke_color = None
        for y, row in enumerate(rows):
            for x, dark in enumerate(row):
                if dark:
                    path.rectangle(left + x * module, top + y * module, module, module)


def _draw_void(pdf: FPDF, why: str) -> None:
    left, top = float(_LEFT + _WIDTH - _PAD - _QR), float(_TOP + _PAD)
    pdf.set_draw_color(_VOID)
    pdf.rect(left, top, _QR, _QR, style="D", round_corners=True, corner_radius=3)
    pdf.set_text_color(_VOID)
    pdf.set_font(_FAMILY, "B", 30)
    pdf.set_xy(left, top)
    pdf.cell(_QR, _QR, "VOID", align="C")
    pdf.set_xy(left, top + _QR + 4)
    _write(pdf, f"This ticket lets nobody in. {why}", size=8, width=_QR)
