"""Results in the terminal: a progress bar while the run works, one table when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from parity.console import stdout
from parity.gate.gate import FixtureResult, Watcher
from parity.margins.margin import Margin
from parity.report.grid import natural, uncut
from parity.report.headline import from_cache, not_run
from parity.report.markdown import cells, headings, headline, remarks_of, runtime, tightest
from parity.report.standing import standing_summary
from parity.report.wording import number, scientific

COLUMNS = ("fixture", "status", "spk", "seg", "DER", "excl", "embed", "first drift")
LEFT = ("fixture", "status", "first drift")
OPTIONAL, EMPTY = ("excl", "embed"), ("", "—")
STYLES = {
    "parity": "green",
    "equivalent": "green",
    "declared": "green",
    "no worse": "green",
    "inconclusive": "yellow",
    "limited coverage": "yellow",
    "drift": "bold red",
    "raises": "bold red",
    "error": "bold yellow",
    "counted": "cyan",
    "missing": "dim",
}


class ProgressWatcher(Watcher):
    """A progress bar over the audio of all fixtures, with fixture, stage and remaining time; it never goes back.

    Parameters
    ----------
    total_seconds : of audio, all fixtures together
    """

    def __init__(self, console: Console, total_seconds: float) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[fixture]:<20}", markup=False),
            TextColumn("{task.fields[stage]:<16}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._progress.add_task("parity", total=total_seconds, fixture="", stage="")
        self._before = 0.0
        self._seconds = 0.0
        self._reached = 0.0

    def __enter__(self) -> ProgressWatcher:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def fixture(self, name: str, audio_seconds: float) -> None:
        """A fixture begins."""
        self._seconds = audio_seconds
        self._progress.update(self._task, fixture=name, stage="")

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._progress.update(self._task, stage=name)

    def step(self, stage: str, done: int, total: int) -> None:
        """Chunks of a stage are done; the embeddings are nearly all of the work."""
        share = {"segmentation": (0.0, 0.08), "embeddings": (0.08, 0.92)}[stage]
        fraction = share[0] + share[1] * done / total
        self._advance(self._before + fraction * self._seconds)
        self._progress.update(self._task, stage=stage)

    def finished(self, result: FixtureResult) -> None:
        """A fixture is done."""
        self._before += result.audio_seconds or self._seconds  # one that failed half-way has none
        self._seconds = 0.0
        self._advance(self._before)

    def _advance(self, seconds: float) -> None:
        # Explaining runs both networks again: the first chunks of a second run are not the first of the work.
        self._reached = max(self._reached, seconds)
        self._progress.update(self._task, completed=self._reached)


def table(document: dict[str, Any], width: int | None = None) -> Table:
    """The one table of a run; where the first drift does not fit beside the numbers, only the remarks below say it."""
    grid = _table(document, COLUMNS)
    return uncut(grid if natural(grid) <= (width or stdout.width) else _table(document, COLUMNS[:-1]), width)


def _table(document: dict[str, Any], columns: tuple[str, ...]) -> Table:
    summary = document["summary"]
    grid = Table(
        box=SIMPLE_HEAD,
        padding=0,
        title=f"{headline(document)} · weights {document['weights']['name']} · {runtime(document)}",
        title_justify="left",
    )
    rows = [_short(cells(fixture)[: len(columns)]) for fixture in document["fixtures"]]
    # The seed's names are long and its captures have neither: an empty column would push the last one off the screen.
    shown = [i for i, name in enumerate(columns) if name not in OPTIONAL or any(row[i] not in EMPTY for row in rows)]
    for i in shown:
        heading = headings(document)["first drift"] if columns[i] == "first drift" else columns[i]
        grid.add_column(heading, justify="left" if columns[i] in LEFT else "right", no_wrap=True)
    for row in rows:
        styled = {1: Text(row[1], style=STYLES[row[1]])}
        grid.add_row(*(styled.get(i, row[i]) for i in shown))
    differ = "\nn≠m: n where the reference has m" if any("≠" in cell for row in rows for cell in row) else ""
    grid.caption = (
        f"worst DER {number(summary['worst_der'])} · "
        f"worst embedding drift {scientific(summary['worst_embedding_drift'])}\n"
        f"{summary['audio_seconds']:.0f} s of audio replayed in {summary['replay_seconds']:.0f} s"
        f"{_sources(summary)}{differ}"
    )
    grid.caption_justify = "left"
    return grid


def _short(row: list[str]) -> list[str]:
    """Cells as a terminal has room for: `3≠2` where Markdown has `3 (reference 2)`, an artefact over its mode."""
    counts = [cell.replace(" (reference ", "≠").rstrip(")") for cell in row[2:4]]
    return [*row[:2], *counts, *row[4:7], *(cell.replace(" (", "\n(") for cell in row[7:])]


def _sources(summary: dict[str, Any]) -> str:
    if not summary["from_tensors"] + summary["from_rttm"]:
        return ""
    counts = [f"{summary[f'from_{source}']} from {source}" for source in ("audio", "tensors")]
    return f"\n{', '.join(counts)}, {summary['from_rttm']} from RTTM alone"


def remarks(document: dict[str, Any]) -> list[str]:
    """What needs saying beside the table."""
    said = [remark for fixture in document["fixtures"] for remark in remarks_of(fixture)]
    said += standing_summary(document["fixtures"])
    if not (stages := from_cache(document)) or not_run(document):
        return said
    return [*said, f"from the cache: {', '.join(stages)} (--fresh computes them)"]


def margins_table(found: Mapping[str, Sequence[Margin]]) -> Table:
    """The closest call of each kind of decision over fixtures, and all their exact ties."""
    grid = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=f"closest decisions of {len(found)} fixtures", title_justify="left"
    )
    right = ("margin", "taken", "tied")
    for column in ("decision", "margin", "unit", "where", "taken", "tied"):
        grid.add_column(
            column, justify="right" if column in right else "left", no_wrap=column not in ("decision", "where")
        )
    kinds: dict[tuple[str, str], list[tuple[str, Margin]]] = {}
    for name, margins in found.items():
        for margin in margins:
            kinds.setdefault((margin.stage, margin.decision), []).append((name, margin))
    for (_, decision), rows in kinds.items():
        open_ = [(margin.smallest, name, margin.where) for name, margin in rows if margin.smallest is not None]
        smallest, name, where = min(open_, default=(None, "", ""))
        ties = sum(margin.ties for _, margin in rows)
        tied = f"{ties}*" if ties and rows[0][1].ambiguous else str(ties)
        taken = str(sum(margin.decisions for _, margin in rows))
        grid.add_row(decision, scientific(smallest), rows[0][1].unit, f"{name}\n{where}", taken, tied)
    grid.caption = "* reference-ambiguous: exact ties broken by how NumPy sorts, which may differ with the CPU"
    grid.caption_justify = "left"
    return uncut(grid)


def headroom_table(document: dict[str, Any], first_change: dict[str, str]) -> Table:
    """The fixtures by headroom: the one that would break first on top, with the decision it would break on.

    Parameters
    ----------
    document : of a run
    first_change : fixture -> size of noise on embeddings that first changed its answer
    """
    grid = Table(box=SIMPLE_HEAD, title="fixtures by headroom: margin / drift seen there", padding=(0, 1, 0, 0))
    grid.title_justify = "left"
    for column in ("fixture", "headroom", "decision", "where", "noise that flips"):
        grid.add_column(
            column,
            justify="right" if column == "headroom" else "left",
            no_wrap=column in ("fixture", "headroom", "decision"),
        )
    rows = [(tightest(fixture), fixture["name"]) for fixture in document["fixtures"]]
    rows.sort(key=lambda row: (row[0] is None, row[0] and row[0]["least_headroom"]))
    for margin, name in rows:
        cells = ("—", "", "") if margin is None else (ratio(margin), margin["stage"], margin["least_where"])
        grid.add_row(name, *cells, first_change.get(name, "—"))
    grid.caption = "below 1: the drift seen is larger than the margin; noise that flips: measured on embeddings"
    grid.caption_justify = "left"
    return uncut(grid)


def ratio(margin: dict[str, Any]) -> str:
    """A headroom, two digits."""
    value = margin["least_headroom"]
    return f"{value:.2g}" if value < 1000 else f"{value:.1e}"
