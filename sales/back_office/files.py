"""Rows as a file: CSV in pieces, or an Excel workbook; neither holds more than a few rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sales.back_office.exports import Cell, Columns

__all__ = ["as_csv", "as_xlsx"]

_BOM = "\ufeff"
# How many lines go into one piece of the answer.
_A_PIECE = 200
# What a spreadsheet would take for the beginning of a formula, whoever wrote it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def as_csv(columns: Columns, rows: Iterable[Sequence[Cell]], *, bom: bool = True) -> Iterator[str]:
    """Yield a CSV file in pieces (RFC 4180, UTF-8), its names first.

    With `bom`, Excel knows that it is UTF-8; without, programs need not know of it. A text that a
    spreadsheet would take for a formula has an apostrophe before it (OWASP, CSV injection).
    """
    writer = csv.writer(_Echo())
    piece = [_BOM if bom else "", writer.writerow(columns)]
    for row in rows:
        piece.append(writer.writerow([guarded(cell) for cell in row]))
        if len(piece) >= _A_PIECE:
            yield "".join(piece)
            piece = []
    yield "".join(piece)


def guarded(cell: Cell) -> Cell:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_xlsx(columns: Columns, rows: Iterable[Sequence[Cell]], file: Any) -> None:
    """Write a workbook of one sheet to a file, row by row: what is written is not kept."""
    # Imported with the first workbook: a web process starts without it.
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for at, name in enumerate(columns):
            sheet.write_string(0, at, name, bold)
        for line, row in enumerate(rows, start=1):
            for at, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(line, at, cell)
                elif cell is not None:
                    sheet.write_number(line, at, cell)
