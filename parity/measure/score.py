"""DER and counts of one RTTM against another (pyannote.metrics).

Conventions: collar 0 s, overlapping speech included, both sides read from RTTM text with three decimals, so that parity
means DER exactly 0: a full-precision hypothesis against an RTTM shows 2e-4 to 5e-4 that is only rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from parity.checkout import is_installed, need
from parity.community1.rttm import Fault, Line, parse_rttm
from parity.errors import InputError
from parity.files.documents import read_text
from parity.measure.sweep import MANY, Swept, Turns, sweep

if TYPE_CHECKING:  # both bring matplotlib and pandas along, which who only compares arrays need not wait for
    from pyannote.core import Annotation

LIBRARY = "pyannote.metrics"
"""Scores where it is installed (extra `report`); else `sweep` does, to the same numbers, see there."""


@dataclass(frozen=True)
class Score:
    """DER and its components.

    Attributes
    ----------
    der : (miss + false_alarm + confusion) / total; 0 where both sides are empty, 1 where only the reference is
    miss, false_alarm, confusion, total : seconds
    """

    der: float
    miss: float
    false_alarm: float
    confusion: float
    total: float


def score(
    reference: str | Path,
    hypothesis: str | Path,
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
) -> Score:
    """DER of one RTTM against another; each is text, or the path of a file.

    Parameters
    ----------
    reference, hypothesis : a `Path`, or text; text that is one line and no line of RTTM is a path too. Empty text is
        an RTTM in which nobody speaks
    collar, skip_overlap : see `score_rttm`

    Returns
    -------
    score : DER, and its components in seconds

    Raises
    ------
    InputError : a file cannot be read, or a line is not a SPEAKER line with numbers where they belong; naming it
    """
    theirs, ours = _rttm_text(reference), _rttm_text(hypothesis)
    return score_rttm(theirs, ours, collar=collar, skip_overlap=skip_overlap)


def _rttm_text(rttm: str | Path) -> str:
    if isinstance(rttm, str) and (not rttm.strip() or "\n" in rttm or rttm.startswith("SPEAKER ")):
        return rttm
    path = Path(rttm)
    try:
        text = read_text(path, encoding="utf-8-sig")
        read_turns(text)  # said with the file's name
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as RTTM ({' '.join(str(error).split())})") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return text


def score_rttm(
    reference: str,
    hypothesis: str,
    *,
    collar: float = 0.0,
    skip_overlap: bool = False,
    spans: tuple[tuple[float, float], ...] | None = None,
) -> Score:
    """DER of RTTM text against RTTM text; errors are those of `read_turns`.

    Parameters
    ----------
    collar : seconds, total width centred on a boundary (0.5 here is 0.25 in spyder)
    skip_overlap : whether overlapping speech of the reference is left out
    spans : scored parts of the recording in seconds; everything either side mentions by default
    """
    if not (collar or skip_overlap or spans):
        same = _same(reference, hypothesis)
        if same is not None or _many(reference, hypothesis) or not is_installed(LIBRARY):
            found = swept(reference, hypothesis, same)
            return Score(found.der, found.miss, found.false_alarm, found.confusion, found.total)
    need(LIBRARY, "a collar, overlap left out, or parts of a recording")
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    ours, theirs = read_turns(hypothesis), read_turns(reference)
    ends = [segment.end for annotation in (ours, theirs) for segment in annotation.itersegments()]
    uem = Timeline([Segment(*span) for span in spans] if spans else [Segment(0.0, max(ends, default=1.0))])
    metric = DiarizationErrorRate(collar=collar, skip_overlap=skip_overlap)
    parts = metric(theirs, ours, uem=uem, detailed=True)
    return Score(
        der=float(parts["diarization error rate"]),
        miss=float(parts["missed detection"]),
        false_alarm=float(parts["false alarm"]),
        confusion=float(parts["confusion"]),
        total=float(parts["total"]),
    )


def speaker_names(reference: str, hypothesis: str) -> dict[str, str]:
    """Which speaker of the hypothesis is which of the reference, by the time spent together: the mapping of DER."""
    if (same := _same(reference, hypothesis)) is not None:
        return same
    if _many(reference, hypothesis) or not is_installed(LIBRARY):
        return swept(reference, hypothesis).names
    from pyannote.metrics.diarization import DiarizationErrorRate

    return dict(DiarizationErrorRate().optimal_mapping(read_turns(reference), read_turns(hypothesis)))


def _many(reference: str, hypothesis: str) -> bool:
    return max(reference.count("\n"), hypothesis.count("\n")) > MANY


def _same(reference: str, hypothesis: str) -> dict[str, str] | None:
    """The hypothesis' names of the reference's speakers, where the turns are the same, line by line; None otherwise.

    Their DER is 0 whoever computes it, so the library, which takes a second to import, need not be asked: nor where
    nobody speaks on either side.
    """
    theirs, ours = list(_turns(reference)), list(_turns(hypothesis))
    names = {mine.speaker: other.speaker for mine, other in zip(ours, theirs, strict=False)}
    renamed = [(line.start, line.duration, names[line.speaker]) for line in ours[: len(theirs)]]
    same = len(ours) == len(theirs) and renamed == [(line.start, line.duration, line.speaker) for line in theirs]
    return names if same and len(set(names.values())) == len(names) else None


def swept(reference: str, hypothesis: str, names: dict[str, str] | None = None) -> Swept:
    """Both texts' turns in one pass over time, with the best mapping where it is known; errors are `read_turns`'."""
    if names is None:
        return _swept(reference, hypothesis)
    return sweep(_timed(reference), _timed(hypothesis), names)


@lru_cache(1)
def _swept(reference: str, hypothesis: str) -> Swept:
    # Of the last two texts it is kept: who asks for the score asks for the names too.
    return sweep(_timed(reference), _timed(hypothesis))


def _timed(text: str) -> Turns:
    return ((line.start, line.start + line.duration, line.speaker) for line in _turns(text))


def read_turns(rttm: str) -> Annotation:
    """RTTM text as an annotation; times as written.

    Raises
    ------
    InputError : a line is not a SPEAKER line with numbers where they belong
    """
    from pyannote.core import Annotation, Segment

    annotation = Annotation()
    for line in _turns(rttm):
        annotation[Segment(line.start, line.start + line.duration), line.number] = line.speaker
    return annotation


def _turns(rttm: str) -> Iterator[Line]:
    for line in parse_rttm(rttm):
        if line.fault not in (None, Fault.TYPE):
            raise InputError(f"RTTM line {line.number}: {line.text!r} is not `SPEAKER uri 1 start duration …`")
        if line.fault is Fault.TYPE or not (0 <= line.start < inf and 0 <= line.duration < inf):
            raise InputError(
                f"RTTM line {line.number}: {line.text!r}: expected SPEAKER, times that are finite and at least 0"
            )
        yield line


def count(rttm: str) -> tuple[int, int]:
    """Speakers and segments of RTTM text; same errors as `read_turns`."""
    lines = list(_turns(rttm))
    return len({line.speaker for line in lines}), len(lines)
