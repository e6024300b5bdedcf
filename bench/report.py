"""What a benchmark found as plain data, a table and a plot."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from bench.worker import PYANNOTE, Answer
from parity.community1.geometry import SAMPLE_RATE, num_chunks
from parity.files.whole import writing_file
from parity.report.grid import uncut
from parity.report.wording import markdown_lines

Pairs = Sequence[Mapping[str, Answer]]
DIGITS = 3


def clip_data(name: str, runs: Pairs, chosen: str) -> dict[str, Any]:
    """One clip: the chosen runtime's numbers beside pyannote's, and every side's under `sides`.

    Parameters
    ----------
    runs : answers by side, one for each round
    chosen : the runtime that `parity diarize` takes on this machine
    """
    measured = {side: _side_data(side, runs) for side in runs[0]}
    ours = measured[chosen]
    return {
        "name": name,
        "audio_seconds": runs[0][chosen]["audio_seconds"],
        "speech": bool(runs[0][PYANNOTE]["rttm"][0]),
        "rounds": len(runs),
        "pyannote_seconds": measured[PYANNOTE]["seconds"],
        "pyannote_peak_mb": measured[PYANNOTE]["peak_mb"],
        **{key: ours[key] for key in ("seconds", "ratio", "ratios", "rttm_equal", "peak_mb", "stages")},
        "sides": measured,
    }


def _side_data(side: str, runs: Pairs) -> dict[str, Any]:
    answers = [run[side] for run in runs]
    ratios = [run[PYANNOTE]["seconds"] / run[side]["seconds"] for run in runs]
    return {
        "seconds": round(statistics.median(answer["seconds"] for answer in answers), DIGITS),
        "cpu_seconds": round(statistics.median(answer["cpu_seconds"] for answer in answers), DIGITS),
        "ratio": round(statistics.median(ratios), DIGITS),
        "ratios": [round(ratio, DIGITS) for ratio in ratios],
        "rttm_equal": None
        if runs[0][side]["rttm"] is None
        else all(run[side]["rttm"] == run[PYANNOTE]["rttm"] for run in runs),
        "peak_mb": max(answer["peak_mb"] for answer in answers),
        "stages": _stages(answers),
    }


def _stages(answers: Sequence[Answer]) -> dict[str, float]:
    known = [answer["stages"] for answer in answers if "stages" in answer]
    names = known[0] if known else {}
    return {name: round(statistics.median(stages[name] for stages in known), 4) for name in names}


def document(
    machine: Mapping[str, Any], clips: Sequence[Mapping[str, Any]], chosen: str, limit: Mapping[str, Any]
) -> dict[str, Any]:
    """All of a run."""
    speech = [clip for clip in clips if clip["speech"]] or list(clips)
    names = [side for side in clips[0]["sides"] if side != PYANNOTE]
    return {
        "schema": 2,
        "machine": dict(machine),
        "runtime": chosen,
        "clips": sorted(clips, key=lambda clip: clip["name"]),
        "median_ratio": statistics.median(clip["ratio"] for clip in speech),
        "median_ratios": {name: statistics.median(clip["sides"][name]["ratio"] for clip in speech) for name in names},
        "peak_mb": max(clip["peak_mb"] for clip in clips),
        "pyannote_peak_mb": max(clip["pyannote_peak_mb"] for clip in clips),
        "limit": {**limit, "trunk_seconds_a_chunk": _trunk_seconds(clips, names)},
    }


def _trunk_seconds(clips: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, float]:
    """Seconds per chunk of the embeddings' stage on the clip with most: there the least could be left out."""
    stages = {name: [_chunk_seconds(clip, name) for clip in clips] for name in names}
    return {name: round(max(seconds), 4) for name, seconds in stages.items() if any(seconds)}


def _chunk_seconds(clip: Mapping[str, Any], side: str) -> float:
    return clip["sides"][side]["stages"].get("embeddings", 0.0) / num_chunks(round(clip["audio_seconds"] * SAMPLE_RATE))


def equal(report: Mapping[str, Any]) -> bool:
    """Whether every side that is judged gave pyannote's RTTMs, plain and exclusive, on every clip in every round."""
    return all(_equal(clip) for clip in report["clips"])


def _equal(clip: Mapping[str, Any]) -> bool:
    return all(side["rttm_equal"] for side in clip["sides"].values() if side["rttm_equal"] is not None)


def columns(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Of each column its name and, where it has one, its unit; the last ones of the other sides are ratios too."""
    seconds = [(name, "s") for name in ("audio", PYANNOTE, report["runtime"])]
    ratios = [(name, "ratio") for name in _others(report)]
    return [("clip",), *seconds, ("ratio",), ("range",), *ratios, ("RTTM",)]


def rows(report: Mapping[str, Any]) -> list[list[str]]:
    """The cells under the columns, one row per clip."""
    return [_row(clip, _others(report)) for clip in report["clips"]]


def _others(report: Mapping[str, Any]) -> list[str]:
    return [name for name in report["median_ratios"] if name != report["runtime"]]


def _row(clip: Mapping[str, Any], others: Iterable[str]) -> list[str]:
    return [
        clip["name"],
        *(f"{clip[key]:.1f}" for key in ("audio_seconds", "pyannote_seconds")),
        f"{clip['seconds']:.2f}",
        f"{clip['ratio']:.1f}",
        f"{min(clip['ratios']):.1f}-{max(clip['ratios']):.1f}" if len(clip["ratios"]) > 1 else "-",
        *(f"{clip['sides'][name]['ratio']:.1f}" for name in others),
        "equal" if _equal(clip) else "DIFFERS",
    ]


def title(report: Mapping[str, Any]) -> str:
    """What the table is of, in a line."""
    machine = report["machine"]
    others = ", ".join(f"{name} {ratio:.1f}" for name, ratio in report["median_ratios"].items())
    return (
        f"seconds and ratios; median ratio over clips with speech: {report['median_ratio']:.1f} ({others}) · "
        f"{machine['threads']} threads of {machine['cpu']}"
    )


def remarks(report: Mapping[str, Any]) -> list[str]:
    """Memory, and the hardware's limit, in words."""
    found = report["limit"]
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in found["sgemm_gflops"].items())
    trunks = ", ".join(f"{name} {seconds:.3f}" for name, seconds in found["trunk_seconds_a_chunk"].items())
    peaks = {
        name: max(clip["sides"][name]["peak_mb"] for clip in report["clips"]) for name in report["clips"][0]["sides"]
    }
    return [
        f"peak memory, MB: {', '.join(f'{name} {peak:.0f}' for name, peak in peaks.items())}",
        f"matrix products: {rates} GFLOP/s; a trunk is {found['trunk_gflop_a_chunk']:.1f} GFLOP, so "
        f"{found['direct_trunk_seconds_a_chunk']:.3f} s per chunk at best by direct convolution",
        f"filterbank, trunk and head, s per chunk on the clip with most to do: {trunks}",
    ]


def table(report: Mapping[str, Any]) -> Table:
    """For the terminal, where units would make it wider than 80 columns."""
    grid = Table(box=SIMPLE_HEAD, padding=0, show_edge=False, title=title(report), title_justify="left")
    for name, *_ in columns(report):
        justify = "left" if name in ("clip", "RTTM") else "right"
        grid.add_column(name.replace("-", "\n"), justify=justify, overflow="fold")
    for row in rows(report):
        grid.add_row(*row)
    return uncut(grid)


def markdown(report: Mapping[str, Any]) -> str:
    """For a page."""
    heads = [", ".join(column) for column in columns(report)]
    lines = markdown_lines([heads, ["---"] * len(heads), *rows(report)])
    return "\n".join([title(report), "", *lines, "", *(f"- {said}" for said in remarks(report)), ""])


def write_plot(report: Mapping[str, Any], path: Path) -> None:
    """Seconds per second of audio, clip by clip, every side a dot; as SVG."""
    names = [PYANNOTE, *report["median_ratios"]]
    clips = list(reversed(report["clips"]))
    figure = Figure(figsize=(9, 0.8 + 0.32 * len(clips)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    for name in names:
        rates = [clip["sides"][name]["seconds"] / clip["audio_seconds"] for clip in clips]
        axes.plot(rates, range(len(clips)), "o", label=name, alpha=0.85)
    axes.set_yticks(range(len(clips)), [clip["name"] for clip in clips])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds per second of audio (less is faster)")
    axes.grid(axis="x", which="both", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(names), frameon=False)
    with writing_file(path) as temporary, rc_context({"svg.hashsalt": path.name}):  # the same figure, the same file
        figure.savefig(temporary, format="svg", metadata={"Date": None})
