"""One recording's answer against another's, or against humans: errors in seconds, counts, and totals.

Source: pyannote.metrics. Conventions: everything is an error and the total that it is a share of, in seconds, never a
ratio: a corpus's value is the sum of its errors over the sum of its totals. `der` counts every moment, overlapping
speech included; `der_250ms` leaves out 0.25 s to either side of each boundary of the one that is right (which is
`collar=0.5` in pyannote.metrics). Where a UEM says which parts were annotated, nothing else counts; otherwise all of
the recording does, and what either side says beyond its end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from parity.corpus.cluster import Tasks
from parity.corpus.manifest import Entry
from parity.corpus.rows import Gathered, Row, types_of
from parity.corpus.sides import rttm_of
from parity.corpus.store import SCORES, Store
from parity.errors import InputError, one_line
from parity.files.documents import read_text
from parity.measure.score import count, read_turns

HUMAN = "human"
PORTION = 50
"""Pairs that one task scores."""

COLLAR = 0.5
"""Seconds in all: a half before a boundary, a half after."""

METRICS = ("der", "der_250ms", "jer", "detection", "impurity", "uncovered")
"""What is an error over a total; in a row, `NAME_errors` and `NAME_total`."""


class Pair(NamedTuple):
    """What is scored: a side's answer to one recording, and what it is scored against."""

    entry: Entry
    side: str
    against: str
    rttm: str
    right: str | None
    audio_seconds: float


@dataclass(frozen=True)
class Score:
    """One recording.

    Attributes
    ----------
    recording, dataset : its name, and of what it is a part
    side, against : who was scored against whom: `human`, or the reference's name
    audio_seconds : of the recording
    missed, false_alarm, confusion : the parts of `der_errors`, in seconds
    *_errors, *_total : see `METRICS`, in seconds; of `jer`, in speakers
    speakers, right_speakers, segments, right_segments : counts of either
    same_lines : whether the two RTTMs are line for line the same
    error : why there are no numbers; None where there are
    """

    recording: str
    dataset: str
    side: str
    against: str
    audio_seconds: float = 0.0
    missed: float = 0.0
    false_alarm: float = 0.0
    confusion: float = 0.0
    der_errors: float = 0.0
    der_total: float = 0.0
    der_250ms_missed: float = 0.0
    der_250ms_false_alarm: float = 0.0
    der_250ms_confusion: float = 0.0
    der_250ms_errors: float = 0.0
    der_250ms_total: float = 0.0
    jer_errors: float = 0.0
    jer_total: float = 0.0
    detection_errors: float = 0.0
    detection_total: float = 0.0
    impurity_errors: float = 0.0
    impurity_total: float = 0.0
    uncovered_errors: float = 0.0
    uncovered_total: float = 0.0
    speakers: int = 0
    right_speakers: int = 0
    segments: int = 0
    right_segments: int = 0
    same_lines: bool = False
    error: str | None = None


def score_pairs(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """Scores as rows; a pair that cannot be scored is a row with its error."""
    return [asdict(_guarded(pair)) for pair in pairs]


def _guarded(pair: Pair) -> Score:
    names = (pair.entry.recording, pair.entry.dataset, pair.side, pair.against)
    try:
        return score_pair(pair)
    except Exception as error:
        return Score(*names, audio_seconds=pair.audio_seconds, error=one_line(f"{type(error).__name__}: {error}", 200))


def score_pair(pair: Pair) -> Score:
    """One recording.

    Raises
    ------
    InputError : an RTTM or the UEM cannot be read
    """
    entry, right = pair.entry, pair.right
    if right is None:
        assert entry.human_rttm is not None
        right = rttm_of(entry.human_rttm, entry.recording)
    speakers, segments = count(pair.rttm)
    right_speakers, right_segments = count(right)
    found = Score(
        entry.recording,
        entry.dataset,
        pair.side,
        pair.against,
        pair.audio_seconds,
        speakers=speakers,
        right_speakers=right_speakers,
        segments=segments,
        right_segments=right_segments,
        same_lines=lines(right) == lines(pair.rttm),
    )
    return replace(found, **_measured(right, pair.rttm, entry, pair.audio_seconds))


def lines(rttm: str) -> list[list[str]]:
    """What of RTTM lines is an answer: when, and who."""
    return [[*line.split()[3:5], line.split()[7]] for line in rttm.splitlines() if line.strip()]


def _measured(right: str, rttm: str, entry: Entry, seconds: float) -> dict[str, Any]:
    from pyannote.core import Segment, Timeline
    from pyannote.metrics import detection, diarization

    wanted, found = read_turns(right), read_turns(rttm)
    if entry.uem is not None:
        spans = read_uem(entry.uem, entry.recording)
    else:
        ends = [segment.end for side in (wanted, found) for segment in side.itersegments()]
        spans = [(0.0, max([*ends, seconds, 0.001]))]
    uem = Timeline([Segment(*span) for span in spans])

    def parts(kind: Any, **options: float) -> dict[str, float]:
        metric = kind(**options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(metric(wanted, found, uem=uem, detailed=True))

    der, wide = parts(diarization.DiarizationErrorRate), parts(diarization.DiarizationErrorRate, collar=COLLAR)
    jer, heard = parts(diarization.JaccardErrorRate), parts(detection.DetectionErrorRate)
    pure, covered = parts(diarization.DiarizationPurity), parts(diarization.DiarizationCoverage)
    return {
        "missed": float(der["missed detection"]),
        "false_alarm": float(der["false alarm"]),
        "confusion": float(der["confusion"]),
        "der_250ms_missed": float(wide["missed detection"]),
        "der_250ms_false_alarm": float(wide["false alarm"]),
        "der_250ms_confusion": float(wide["confusion"]),
        "der_errors": _errors(der),
        "der_total": float(der["total"]),
        "der_250ms_errors": _errors(wide),
        "der_250ms_total": float(wide["total"]),
        "jer_errors": float(jer["speaker error"]),
        "jer_total": float(jer["speaker count"]),
        "detection_errors": float(heard["miss"] + heard["false alarm"]),
        "detection_total": float(heard["total"]),
        "impurity_errors": float(pure["total"] - pure["correct"]),
        "impurity_total": float(pure["total"]),
        "uncovered_errors": float(covered["total"] - covered["correct"]),
        "uncovered_total": float(covered["total"]),
    }


def _errors(parts: dict[str, float]) -> float:
    return float(parts["missed detection"] + parts["false alarm"] + parts["confusion"])


def read_uem(path: Path, recording: str) -> list[tuple[float, float]]:
    """The annotated parts of one recording, in seconds: lines `RECORDING CHANNEL START END`.

    Raises
    ------
    InputError : it cannot be read, or has none of that recording
    """
    try:
        rows = [line.split() for line in read_text(path, encoding="utf-8-sig").splitlines()]
        rows = [row for row in rows if row and not row[0].startswith(";;")]
        own = [row for row in rows if row[0] == recording] or (rows if len({row[0] for row in rows}) == 1 else [])
        spans = [(float(row[2]), float(row[3])) for row in own]
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{path}: cannot be read as UEM ({one_line(error, 120)})") from error
    if not spans or not all(0 <= start < end < float("inf") for start, end in spans):
        raise InputError(f"{path}: no parts of {recording} in it that begin before they end")
    return spans


def pairs_of(store: Store) -> Iterator[Pair | Score]:
    """What is to be scored in a store, or why it cannot be: every side against the reference and against humans.

    They come by recording's name, read as they are taken, so that texts of a few recordings are in memory at once.
    """
    answers = {name: _Following(store.answers(key).sorted_rows(READ)) for name, key in store.sides.items()}
    for entry in store.entries_sorted():
        rows = {name: following.at(entry.recording) for name, following in answers.items()}
        for name, own in rows.items():
            theirs = rows[store.reference] if store.reference else None
            seconds = max((row["audio_seconds"] for row in (own, theirs) if row), default=0.0)
            against: dict[str, str | None] = {HUMAN: None} if entry.human_rttm else {}
            if store.reference and name != store.reference:
                against[store.reference] = theirs["rttm"] if theirs else None
            for other, right in against.items():
                why = _unanswered(name, own) or (_unanswered(other, theirs) if other != HUMAN else None)
                if why:
                    yield Score(entry.recording, entry.dataset, name, other, seconds, error=why)
                elif own is not None:
                    yield Pair(entry, name, other, own["rttm"] or "", right, seconds)


READ = ("recording", "rttm", "audio_seconds", "error")
"""What scoring reads of an answer."""


class _Following:
    """Rows that are sorted by recording, looked up in that order."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def at(self, recording: str) -> Row | None:
        while self._next is not None and self._next["recording"] < recording:
            self._next = next(self._rows, None)
        return self._next if self._next is not None and self._next["recording"] == recording else None


def _unanswered(name: str, row: Row | None) -> str | None:
    if row is None:
        return f"{name} was not asked"
    return None if row["error"] is None else f"{name}: {row['error']}"


def score_store(store: Store, tasks: Tasks, watch: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Score everything in a store, and keep the scores there, sorted; how many pairs could not be scored.

    Parameters
    ----------
    watch : called with the pairs that are done, and all of them
    """
    recordings, told = store.counted()
    total = told * len(store.sides) + (recordings * (len(store.sides) - 1) if store.reference else 0)
    found, failed, done = Gathered(types_of(Score)), 0, 0

    def portions() -> Iterator[tuple[list[Pair]]]:
        """Portions of pairs; what cannot be scored is a row on the way."""
        nonlocal failed, done
        pairs = pairs_of(store)
        while some := list(islice(pairs, PORTION)):
            cannot = [asdict(one) for one in some if isinstance(one, Score)]
            found.add(cannot)
            failed, done = failed + len(cannot), done + len(cannot)
            if can := [one for one in some if isinstance(one, Pair)]:
                yield (can,)

    for _, rows, error in tasks.each(score_pairs, portions(), few=True):
        if error is not None:
            raise InputError(f"scoring was given up: {one_line(error, 200)}; more --memory-limit may help") from error
        found.add(rows)
        failed += sum(row["error"] is not None for row in rows)
        done += len(rows)
        watch(done, total)
    found.write(store.folder / SCORES, by=("against", "side", "recording"))
    return failed
