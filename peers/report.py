"""What was measured as plain data, and the data as a table: on the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.report.document import environment
from parity.report.grid import uncut
from parity.report.wording import markdown_lines
from peers.adapters import Row
from peers.measuring import Bench, Clip, Result
from peers.running import NUMBERS

SCHEMA = 1
REFERENCE = "pyannote.audio 4.0.4"
TOTALS = "clips with the same number"
ERRORS = ("miss", "false_alarm", "confusion", "total")
COLUMNS = (
    "clip",
    "implementation",
    "speakers",
    "segments",
    "DER",
    "miss s",
    "false alarm s",
    "confusion s",
    "seconds",
    "CPU s",
    "s/s",
)
Line = tuple[str, ...]


def document(bench: Bench, rows: Iterable[Row], clips: list[Clip]) -> dict[str, Any]:
    """Everything as plain data; seconds and megabytes throughout."""
    rows = tuple(rows)
    return {
        "schema": SCHEMA,
        "machine": {**environment(), "threads": bench.threads},
        "weights": {"name": bench.weights.name, "sha256": bench.weights.sha256},
        "reference": REFERENCE,
        "rows": [_row(row, clips) for row in rows],
        "clips": [_clip(clip) for clip in clips],
        "totals": [_total(row.name, clips) for row in rows],
    }


def _row(row: Row, clips: list[Clip]) -> dict[str, Any]:
    ran = [result.run for result in _of(row.name, clips) if result.run]
    return {
        "name": row.name,
        "peer": row.peer.name,
        "said": row.said,
        "requirements": list(row.peer.requirements),
        "packages": ran[-1].packages if ran else {},
    }


def _of(row: str, clips: list[Clip]) -> Iterator[Result]:
    return (result for clip in clips for result in clip.results if result.row == row)


def _clip(clip: Clip) -> dict[str, Any]:
    return {
        "name": clip.name,
        "audio_seconds": clip.audio_seconds,
        "speakers": clip.speakers,
        "segments": clip.segments,
        "results": [_result(result) for result in clip.results],
    }


def _result(result: Result) -> dict[str, Any]:
    if result.run is None or result.score is None:
        return {"row": result.row, "reason": result.reason}
    return {
        "row": result.row,
        "speakers": result.speakers,
        "segments": result.segments,
        "der": result.score.der,
        **{key: getattr(result.score, key) for key in ERRORS},
        **{key: getattr(result.run, key) for key in NUMBERS},
    }


def _total(row: str, clips: list[Clip]) -> dict[str, Any]:
    """Sums over the clips that the row ran on; DER is the sum of errors over the sum of totals, no mean of ratios."""
    ran = [(clip, result) for clip in clips for result in clip.results if result.row == row and result.run]
    errors = {key: sum(getattr(result.score, key) for _, result in ran) for key in ERRORS}
    wrong = sum(errors[key] for key in ERRORS[:3])
    return {
        "row": row,
        "clips": len(ran),
        "same_speakers": sum(result.speakers == clip.speakers for clip, result in ran),
        "same_segments": sum(result.segments == clip.segments for clip, result in ran),
        "audio_seconds": sum(clip.audio_seconds for clip, _ in ran),
        "der": wrong / errors["total"] if errors["total"] else float(wrong > 0),
        **errors,
        **{key: sum(getattr(result.run, key) for _, result in ran) for key in ("seconds", "cpu_seconds")},
    }


def lines(report: dict[str, Any]) -> Iterator[list[Line]]:
    """The cells of the table, `COLUMNS` wide: one group per clip, the reference's first, then one of the totals."""
    for clip in report["clips"]:
        reference = (clip["name"], REFERENCE, str(clip["speakers"]), str(clip["segments"]))
        yield [_filled(*reference), *(_line(result, clip["audio_seconds"]) for result in clip["results"])]
    totals = []
    for total in report["totals"]:
        same = [f"{total[key]}/{total['clips']}" for key in ("same_speakers", "same_segments")]
        totals.append(("", total["row"], *same, *_numbers(total, total["audio_seconds"])))
    yield [_filled("all that ran", TOTALS), *totals]


def _line(result: dict[str, Any], audio_seconds: float) -> Line:
    if "reason" in result:
        return _filled("", result["row"], "not run")
    counts = str(result["speakers"]), str(result["segments"])
    return ("", result["row"], *counts, *_numbers(result, audio_seconds))


def _numbers(found: dict[str, Any], audio_seconds: float) -> Line:
    rate = f"{found['seconds'] / audio_seconds:.2f}" if audio_seconds else ""
    errors = [f"{found[key]:.2f}" for key in ERRORS[:3]]
    return (f"{found['der']:.4f}", *errors, f"{found['seconds']:.1f}", f"{found['cpu_seconds']:.1f}", rate)


def _filled(*cells: str) -> Line:
    return (*cells, *[""] * (len(COLUMNS) - len(cells)))


def remarks(report: dict[str, Any]) -> list[str]:
    """What every row is, and why what did not run did not, one sentence each."""
    said = []
    for row in report["rows"]:
        package = f" ({row['requirements'][0]})" if row["requirements"] else ""
        said.append(f"{row['name']}: {row['said']}{package}.")
    reasons: dict[tuple[str, str], list[str]] = {}
    for clip in report["clips"]:
        for result in clip["results"]:
            if "reason" in result:
                reasons.setdefault((result["row"], result["reason"]), []).append(clip["name"])
    said.append("In the totals, speakers and segments say on how many clips they are as many as the reference's.")
    return said + [f"{row} did not run on {', '.join(names)}: {reason}" for (row, reason), names in reasons.items()]


def table(report: dict[str, Any]) -> Table:
    """The table for a terminal of 80 columns: a clip's name stands over its rows, and CPU seconds are left out."""
    grid = Table(box=SIMPLE_HEAD, title=f"against {REFERENCE}", title_justify="left", padding=(0, 1, 0, 0))
    grid.add_column("clip", no_wrap=True)
    for column in ("spk", "seg", "DER", "miss", "f.a.", "conf", "sec", "s/s"):
        grid.add_column(column, justify="right", no_wrap=True)
    for group in lines(report):
        for clip, row, *cells in group:
            grid.add_row(clip or f"  {row}", *cells[:-2], cells[-1])
        grid.add_section()
    return uncut(grid)


def markdown(report: dict[str, Any]) -> str:
    """The table, and what has to be said of it, for a pull request or a page."""
    machine = report["machine"]
    head = (
        f"DER against {REFERENCE} (no collar, overlap counted), {machine['threads']} threads each, "
        f"{machine['system']} {machine['architecture']}, weights {report['weights']['name']}."
    )
    cells = [
        COLUMNS,
        ("---", "---", *["--:"] * (len(COLUMNS) - 2)),
        *(line for group in lines(report) for line in group),
    ]
    grid = "\n".join(markdown_lines(cells))
    notes = "\n".join(f"- {said}" for said in remarks(report))
    return f"{head}\n\n{grid}\n\n{notes}\n"
