"""The options of `import_plan` that say what to import and what it costs."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sales.plans import HIGHEST_PRICE, Block, Plan, Prices, plan_by_numbers, read_plan

__all__ = ["BadOptions", "add_plan_options", "wanted"]


class BadOptions(ValueError):
    """The options contradict each other, or one is missing."""


class _InOrder(Action):
    """Keep options in the order in which they came: `--rows` belongs to the last `--section`."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option: str | None = None
    ) -> None:
        given = [*(getattr(namespace, "given", None) or []), (str(option), str(values))]
        namespace.given = given


def add_plan_options(parser: ArgumentParser) -> None:
    """Declare the file, the sections by numbers, and the prices."""
    parser.add_argument("file", nargs="?", type=Path, help="a plan in pretix's JSON format")
    for option, metavar, text in (
        ("--section", "NAME", "instead of a file: a section of straight rows; may be repeated"),
        ("--rows", "A-H", "the section's rows: A-H, AA-AF, 1-20, or a list of these: A-H,J-M"),
        ("--seats", "12", "how many seats each row of the section has"),
        ("--category", "NAME", "the section's price category (Standard)"),
        ("--price", "NAME=4500", "what a category costs, in minor units; after a --section 4500"),
    ):
        parser.add_argument(option, action=_InOrder, dest="given", metavar=metavar, help=text)
    parser.add_argument(
        "--default-price", metavar="4500", help="what the other new categories cost"
    )


@dataclass
class _Section:
    name: str
    given: dict[str, str] = field(default_factory=dict)

    @property
    def category(self) -> str:
        return self.given.get("--category", "Standard").strip()

    def block(self) -> Block:
        missing = [option for option in ("--rows", "--seats") if option not in self.given]
        if missing:
            raise BadOptions(f"The section {self.name!r} needs {' and '.join(missing)}.")
        seats = self.given["--seats"]
        # A longer number is refused with a limit by plan_by_numbers, unless int() balks first.
        if not (seats.isascii() and seats.isdecimal()) or len(seats) > 9:
            raise BadOptions(f"--seats {seats!r} is no number of seats a row; use one such as 12.")
        return Block(self.name, self.given["--rows"], int(seats), self.category)


def wanted(options: dict[str, Any]) -> tuple[Plan, Prices]:
    """Return the plan that the options name, read and checked, and the prices they give.

    Raises BadOptions, and what read_plan and plan_by_numbers raise.
    """
    sections, priced = _grouped(options.get("given") or [])
    file = options.get("file")
    if file and sections:
        raise BadOptions("Give a file or sections by numbers, not both.")
    if not file and not sections:
        raise BadOptions("Nothing to import: give a file, or --section NAME --rows A-H --seats 12.")
    default = options.get("default_price")
    prices = Prices(
        by_category=_prices(sections, priced),
        default=None if default is None else _amount("--default-price", str(default)),
    )
    if file:
        return read_plan(Path(file)), prices
    return plan_by_numbers([section.block() for section in sections]), prices


def _grouped(given: Sequence[tuple[str, str]]) -> tuple[list[_Section], list[str]]:
    """Part the options into those of each section, and the prices that name a category."""
    sections: list[_Section] = []
    priced = []
    for option, value in given:
        if option == "--section":
            sections.append(_Section(value))
        elif option == "--price" and "=" in value:
            priced.append(value)
        elif not sections:
            raise BadOptions(_homeless(option, value))
        elif option in sections[-1].given:
            raise BadOptions(f"The section {sections[-1].name!r} has {option} twice.")
        else:
            sections[-1].given[option] = value
    return sections, priced


def _homeless(option: str, value: str) -> str:
    if option == "--price":
        return (
            f"--price {value!r} names no category: write NAME=AMOUNT, in minor units (4500 is "
            f"45.00), or use --default-price."
        )
    return f"{option} {value!r} belongs to no section: write it after its --section."


def _prices(sections: Sequence[_Section], priced: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    named = [
        (name.strip(), amount) for name, _, amount in (each.rpartition("=") for each in priced)
    ]
    named += [
        (section.category, section.given["--price"])
        for section in sections
        if "--price" in section.given
    ]
    for name, text in named:
        amount = _amount(f"--price of {name!r}", text)
        if found.setdefault(name, amount) != amount:
            raise BadOptions(f"The category {name!r} has two prices, {found[name]} and {amount}.")
    return found


def _amount(option: str, text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > len(str(HIGHEST_PRICE)):
        raise BadOptions(
            f"{option}: {text!r} is no price; write it in minor units, 4500 for 45.00."
        )
    if (amount := int(digits)) > HIGHEST_PRICE:
        raise BadOptions(f"{option}: {amount} is too much; the highest price is {HIGHEST_PRICE}.")
    return amount
