"""A progress bar for seats."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sales import plans

__all__ = ["seat_progress"]


@contextmanager
def seat_progress(console: Console) -> Iterator[plans.Progress]:
    """Show how many seats are done, on a terminal only; gone at the end."""
    columns = (TextColumn("Seats"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        task = bar.add_task("seats", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
