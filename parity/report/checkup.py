"""What the doctor of audio files found, as plain data and in words. Reads results, computes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from parity import __version__
from parity.audio.doctor import Checkup
from parity.audio.examination import LOWEST_DB, SILENT_DB, Channel, Facts
from parity.audio.reading import SAMPLE_RATE
from parity.audio.remarks import NOTE, WARNING
from parity.audio.resampling import resampled_length

SCHEMA = 1
WORDS = {"fine": "FINE", "warnings": "WARNING", "refused": "REFUSED"}

IN_LINES = ("gaps", "silence", "band")
"""Kinds of notes that lines above say already."""

Failure = tuple[str, str]
"""A file that nothing could be said of, and why."""


def checkup_data(checkups: Sequence[Checkup], failures: Sequence[Failure] = ()) -> dict[str, Any]:
    """All of a call, as `--json` has it (`checkup_schema.json` beside this module).

    Parameters
    ----------
    checkups : of the files that could be read
    failures : the others
    """
    return {
        "schema": SCHEMA,
        "version": __version__,
        "verdict": overall(checkups, failures),
        "files": [_file(checkup) for checkup in checkups],
        "unreadable": [{"path": path, "error": error} for path, error in failures],
    }


def overall(checkups: Sequence[Checkup], failures: Sequence[Failure] = ()) -> str:
    """The worst of all verdicts: `refused`, `warnings` or `fine`."""
    found = {checkup.verdict for checkup in checkups} | ({"refused"} if failures else set())
    return next(verdict for verdict in ("refused", "warnings", "fine") if verdict in found or verdict == "fine")


def _file(checkup: Checkup) -> dict[str, Any]:
    facts, other = checkup.facts, checkup.pyannote
    return {
        "path": str(checkup.path),
        "verdict": checkup.verdict,
        "refused": checkup.refused,
        "container": checkup.container,
        "coding": checkup.coding,
        "sample_rate": facts.sample_rate,
        "samples": facts.samples,
        "seconds": facts.seconds,
        "declared_seconds": checkup.declared_seconds,
        "channels": [vars(channel) for channel in facts.channels],
        "same_channels": [list(pair) for pair in facts.same],
        "inverted_channels": [list(pair) for pair in facts.inverted],
        "silent_seconds": facts.silent_seconds,
        "gaps": {"count": facts.gaps, "longest_seconds": facts.longest_gap, "seconds": facts.gap_seconds},
        "bandwidth_hertz": facts.bandwidth,
        "heard": {
            "sample_rate": SAMPLE_RATE,
            "samples": resampled_length(facts.samples, facts.sample_rate),
            "db": facts.mean_db,
            "below_channels_db": facts.cancelled_db,
        },
        "pyannote": None if other is None else {**vars(other), "same": other.same_as(facts)},
        "remarks": [vars(remark) for remark in checkup.remarks],
    }


def first_line(checkups: Sequence[Checkup], failures: Sequence[Failure] = ()) -> str:
    """The verdict of several files; of one, its own."""
    if len(checkups) == 1 and not failures:
        return verdict_line(checkups[0])
    counts = {verdict: sum(checkup.verdict == verdict for checkup in checkups) for verdict in WORDS}
    counts["refused"] += len(failures)
    said = f"{counts['refused']} refused, {counts['warnings']} with warnings, {counts['fine']} fine"
    return f"{WORDS[overall(checkups, failures)]}: {len(checkups) + len(failures)} files: {said}"


def verdict_line(checkup: Checkup) -> str:
    """``WARNING: call.wav: its channels cancel each other …; very quiet, …``."""
    said = [checkup.refused] if checkup.refused else [r.says for r in checkup.remarks if r.severity == WARNING]
    return f"{WORDS[checkup.verdict]}: {checkup.path}{': ' + '; '.join(said) if said else ''}"


def lines(checkup: Checkup) -> Iterator[str]:
    """Everything that was found of one file, below its verdict."""
    facts = checkup.facts
    count = len(facts.channels)
    yield f"file       {checkup.container}, {checkup.coding}, {facts.sample_rate} Hz, {_counted(count, 'channel')}"
    declared = "not said" if checkup.declared_seconds is None else f"{checkup.declared_seconds:.3f} s"
    yield f"length     {facts.seconds:.3f} s, {facts.samples:,} samples; by its header {declared}"
    if not facts.samples:
        return
    for number, channel in enumerate(facts.channels):
        yield f"channel {number}  {_channel(channel)}"
    yield f"silence    {facts.silent_seconds} s below {SILENT_DB:.0f} dBFS; {_gaps(facts)}"
    up_to = facts.sample_rate / 2 if facts.bandwidth is None else facts.bandwidth
    yield f"bandwidth  up to {up_to / 1000:.1f} kHz"
    yield f"heard      {_heard(facts)}"
    yield f"pyannote   {_pyannote(checkup)}"
    for remark in checkup.remarks:
        if remark.severity == NOTE and remark.kind not in IN_LINES:
            yield f"note       {remark.says}"


def _channel(channel: Channel) -> str:
    said = f"peak {channel.peak:.3f}, {_db(channel.db)}, constant {channel.offset:.4f}"
    said += f", {channel.clipped:,} samples cut off" if channel.clipped else ""
    return said + (f", {channel.not_finite:,} not finite" if channel.not_finite else "")


def _gaps(facts: Facts) -> str:
    if not facts.gaps:
        return "no gap of zeros"
    return f"{_counted(facts.gaps, 'gap')} of zeros, {facts.gap_seconds:.2f} s, the longest {facts.longest_gap:.2f} s"


def _heard(facts: Facts) -> str:
    samples = f"{resampled_length(facts.samples, facts.sample_rate):,} samples at {SAMPLE_RATE} Hz"
    if len(facts.channels) == 1:
        return f"{_db(facts.mean_db)}; {samples}"
    below = "nothing is left of them" if facts.mean_db <= LOWEST_DB else f"{facts.cancelled_db:.1f} dB below them"
    return f"the mean of the channels, {_db(facts.mean_db)}, {below}; {samples}"


def _pyannote(checkup: Checkup) -> str:
    other = checkup.pyannote
    if other is None:
        return "not compared: FFmpeg's libraries are in the extra media"
    if other.error is not None:
        return f"cannot read it: {other.error}"
    if other.same_as(checkup.facts):
        return f"reads the same through FFmpeg (largest difference {other.worst:.1g})"
    return f"reads {other.samples:,} samples through FFmpeg, up to {other.worst:.2g} off"


def _db(value: float) -> str:
    return "digital silence" if value <= LOWEST_DB else f"{value:.1f} dBFS"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
