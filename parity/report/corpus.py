"""What is printed of a corpus: how far a run is, its tables for eighty columns, and two stores compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table

from parity.corpus.comparing import Compared
from parity.corpus.foretelling import PREDICTIONS
from parity.corpus.running import State
from parity.corpus.summary import Summary
from parity.report.grid import uncut

Row = Mapping[str, Any]
MOST_FLIPS = 10
TITLES = {
    "agreement": "Against the reference: recordings that are not line for line the same",
    "accuracy": "Against humans, collar 0 with overlap",
    "noninferiority": "Candidate less reference, against humans",
    "flips": "Flips, side by side, most damage first",
    "decides": "What decides the flips",
    "foretold": "Flips that were to be expected, and flips that were seen",
    "foretold_shares": "Groups with flips foretold within a factor of two (of those that have any)",
    "foretold_groups": "Groups in which something flipped, or was foretold to",
    "calibration": "Of those with so much headroom, and with such a chance, how many flipped",
    "kinds": "Kinds of decision: recordings with a headroom below 1",
    "failures": "What failed",
}


class Progress:
    """A live table of how far every side is, where somebody looks.

    Parameters
    ----------
    console : a terminal; elsewhere nothing is drawn
    dashboard : address of Dask's own page; empty where there is none
    """

    def __init__(self, console: Console, dashboard: str = "") -> None:
        self._states: dict[str, State] = {}
        self._dashboard = dashboard
        self._live = Live(console=console, get_renderable=self.table, refresh_per_second=2, transient=True)
        self._drawn = console.is_terminal
        self._console = console

    def __enter__(self) -> Progress:
        if self._dashboard:
            self._console.print(f"Dask's dashboard: {self._dashboard}", soft_wrap=True)
        if self._drawn:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._drawn:
            self._live.stop()

    def watch(self, state: State) -> None:
        """A side got further."""
        self._states[state.name] = state

    def table(self) -> Table:
        """One row for each side."""
        grid = _grid("side", "there", "done", "failed", "left", "audio h per h")
        for state in self._states.values():
            speed = f"{state.speed:.1f}" if state.audio_seconds else ""
            grid.add_row(state.name, *map(str, (state.kept, state.done, state.failed, state.left)), speed)
        return uncut(grid)


def terminal(found: Summary) -> Iterator[Table]:
    """The tables that say most; those without rows are left out."""
    for name, columns in COLUMNS.items():
        rows = found.tables[name][: MOST_FLIPS if name in ("flips", "failures") else None]
        if rows:
            yield _table(TITLES[name], columns, rows)


def explained_lines(found: Mapping[str, Sequence[Row]], base: str) -> Iterator[str]:
    """A line for each side: how many flips, and what decided them."""
    for name, rows in found.items():
        known = [row for row in rows if row["error"] is None]
        failed = f"; {len(rows) - len(known)} could not be explained" if len(known) < len(rows) else ""
        if name == base:
            yield f"{name}: stands for the reference, {len(known)} recordings{failed}"
            continue
        changed = [row for row in known if row["changed"]]
        decided = Counter(row["decisive"] or row["together"] or "nobody alone" for row in changed)
        said = ", ".join(f"{stage} decides {count}" for stage, count in decided.most_common())
        yield f"{name}: {len(changed)} of {len(known)} are not {base}'s" + (f": {said}" if said else "") + failed


def comparison_lines(found: Iterable[Compared]) -> Iterator[str]:
    """A line for each side, the verdict first."""
    for one in found:
        said = "worse beyond the margin" if one.beyond else "within the margin"
        value = signed(one.found.difference.value)
        ends = f"{signed(one.found.difference.low)} to {signed(one.found.difference.high)}"
        yield (
            f"{one.side} against {one.against}: {said} of {percent(one.found.margin)}: DER {value} ({ends}); "
            f"{one.better} better, {one.worse} worse, {len(one.flipped)} flipped of {one.found.difference.recordings}"
        )


def comparison_table(found: Iterable[Compared]) -> Table:
    """The recordings whose answer changed most."""
    grid = _grid("recording", "side", "against", "seconds worse", "speakers", "segments")
    for one in found:
        for row in one.flipped[:MOST_FLIPS]:
            counts = [f"{row[f'{name}_before']} -> {row[f'{name}_after']}" for name in ("speakers", "segments")]
            grid.add_row(row["recording"], one.side, one.against, f"{row['seconds_worse']:+.3f}", *counts)
    return uncut(grid)


def percent(value: float | None) -> str:
    """A ratio in percent."""
    return "" if value is None else f"{value:.2%}"


def signed(value: float | None) -> str:
    """A difference of ratios, in percent with its sign."""
    return "" if value is None else f"{value:+.3%}"


def ends(row: Row, say: Callable[[float | None], str] = percent) -> str:
    """An interval's ends."""
    return "" if row["low"] is None else f"{say(row['low'])} to {say(row['high'])}"


def short(value: float | None) -> str:
    """A number of any size in three digits."""
    return "" if value is None else f"{value:.3g}"


def yes(value: bool) -> str:
    """In words."""
    return "yes" if value else "no"


def _right(row: Row, name: str) -> str:
    """In how many groups a prediction is right, and in how many of the telling ones."""
    right, telling = row[f"{name}_within_2"], row[f"{name}_within_2_telling"]
    return f"{right} of {row['groups']} ({telling} of {row['telling']})"


def _close(row: Row, name: str) -> str:
    """A number of flips that was foretold of a group, and whether it is right."""
    return f"{row[name]:.1f}, {yes(row[f'{name}_within_2'])}"


Columns = Mapping[str, Callable[[Row], str]]

COLUMNS: dict[str, Columns] = {
    "agreement": {
        "side": lambda row: row["side"],
        "flips": lambda row: f"{row['flips']} of {row['recordings']}",
        "95 %": ends,
        "speakers": lambda row: str(row["speakers_changed"]),
        "segments": lambda row: str(row["segments_changed"]),
        "DER": lambda row: percent(row["der"]),
        "failed": lambda row: str(row["failed"]),
    },
    "accuracy": {
        "side": lambda row: row["side"],
        "DER": lambda row: percent(row["der"]),
        "95 %": ends,
        "missed": lambda row: percent(row["missed"]),
        "false alarm": lambda row: percent(row["false_alarm"]),
        "confusion": lambda row: percent(row["confusion"]),
    },
    "noninferiority": {
        "side": lambda row: row["side"],
        "metric": lambda row: row["metric"],
        "difference": lambda row: signed(row["difference"]),
        "95 %": lambda row: ends(row, signed),
        "verdict": lambda row: row["verdict"],
        "needed": lambda row: "" if row["recordings_needed"] is None else str(row["recordings_needed"]),
    },
    "flips": {
        "side": lambda row: row["side"],
        "recording": lambda row: row["recording"],
        "seconds": lambda row: f"{row['der_errors']:.3f}",
        "what": lambda row: row["what"],
    },
    "decides": {
        "side": lambda row: row["side"],
        "role": lambda row: row["role"],
        "stage": lambda row: row["stage"],
        "flips": lambda row: f"{row['flips']} of {row['of']}",
    },
    "foretold": {
        "side": lambda row: row["side"],
        "seen": lambda row: f"{row['flips']} of {row['recordings']}",
        "headroom < 1": lambda row: f"{row['below_1']:.0f}, {row['flips_below_1']} flips",
        "half of them": lambda row: f"{row['half_below_1']:.1f}",
        "by chance": lambda row: f"{row['expected']:.1f}",
        "within 2": lambda row: ", ".join(yes(row[f"{name}_within_2"]) for name in PREDICTIONS),
    },
    "foretold_shares": {
        "by": lambda row: row["by"],
        "side": lambda row: row["side"],
        "headroom < 1": lambda row: _right(row, "below_1"),
        "half of them": lambda row: _right(row, "half_below_1"),
        "by chance": lambda row: _right(row, "expected"),
    },
    "failures": {
        "side": lambda row: row["side"],
        "recording": lambda row: row["recording"],
        "against": lambda row: row["against"],
        "error": lambda row: row["error"],
    },
}
"""Of each table, what is shown of a row; the files hold everything."""

ON_THE_PAGE: dict[str, Columns] = {
    "flips": {
        "recording": lambda row: row["recording"],
        "side": lambda row: row["side"],
        "dataset": lambda row: row["dataset"],
        "seconds": lambda row: f"{row['der_errors']:.3f}",
        "what": lambda row: row["what"],
        "why": lambda row: row["why"],
    },
    "foretold": {
        "side": lambda row: row["side"],
        "flips": lambda row: f"{row['flips']} of {row['recordings']}",
        "headroom < 1": lambda row: f"{row['below_1']:.0f}, {row['flips_below_1']} of them flips",
        "a decision fell": lambda row: f"{row['fell']}, {row['fell_below_1']} with headroom < 1",
        "half of those < 1": lambda row: f"{row['half_below_1']:.1f}",
        "by chance": lambda row: f"{row['expected']:.1f}",
        "flips within 2": lambda row: ", ".join(yes(row[f"{name}_within_2"]) for name in PREDICTIONS),
    },
    "foretold_groups": {
        "side": lambda row: row["side"],
        "by": lambda row: row["by"],
        "which": lambda row: row["which"],
        "seen": lambda row: f"{row['flips']} of {row['recordings']}",
        "headroom < 1": lambda row: _close(row, "below_1"),
        "half of them": lambda row: _close(row, "half_below_1"),
        "by chance": lambda row: _close(row, "expected"),
    },
    "calibration": {
        "by": lambda row: row["by"],
        "from": lambda row: f"{row['from']:g}",
        "to": lambda row: "" if row["to"] is None else f"{row['to']:g}",
        "flipped": lambda row: f"{row['flips']} of {row['recordings']}",
        "share": lambda row: percent(row["share"]),
        "95 %": ends,
        "expected by chance": lambda row: f"{row['expected']:.1f}",
        "a decision fell": lambda row: str(row["fell"]),
    },
    "kinds": {
        "side": lambda row: row["side"],
        "stage": lambda row: row["stage"],
        "decision": lambda row: row["decision"],
        "below 1": lambda row: f"{row['below_1']} of {row['recordings']}",
        "of them flips": lambda row: str(row["flips_below_1"]),
        "first below 1": lambda row: str(row["first_below_1"]),
        "of those flips": lambda row: str(row["flips_first_below_1"]),
        "median headroom": lambda row: short(row["median"]) or "no drift",
        "least": lambda row: short(row["least"]) or "no drift",
    },
}
"""The same where there is more room than in a terminal."""


def _table(title: str, columns: Columns, rows: Iterable[Row]) -> Table:
    grid = _grid(*columns)
    grid.title, grid.title_justify = title, "left"
    for row in rows:
        grid.add_row(*(say(row) for say in columns.values()))
    return uncut(grid)


def _grid(*columns: str) -> Table:
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        grid.add_column(column)
    return grid
