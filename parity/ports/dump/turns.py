"""RTTM against RTTM: the same turns, the same under other names, or different, with DER and the turns that differ.

Conventions: times as written; the file's URI, the order of lines and the names of speakers are conventions; names are
matched by the time spent together (`pyannote.metrics`, the mapping DER uses). The same counts are not the same turns.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from parity.community1.annotation import Turn, to_rttm
from parity.measure.score import Score, score_rttm, speaker_names
from parity.ports.dump.rttm import plain, spoken

Line = tuple[float, float, str]
"""Start and duration in seconds, and who, in the reference's names."""


@dataclass(frozen=True)
class TurnDifference:
    """What two RTTM texts have in common.

    Attributes
    ----------
    same : whether the turns are equal, names and order of lines aside
    by : conventions that make them so: other names, another order
    score : DER and its components in seconds
    speakers, segments : (reference, candidate)
    only_reference, only_candidate : turns that the other side has not
    candidate : the candidate's RTTM under the reference's names; the reference's own where they are the same
    """

    same: bool
    by: tuple[str, ...]
    score: Score
    speakers: tuple[int, int]
    segments: tuple[int, int]
    only_reference: tuple[Line, ...]
    only_candidate: tuple[Line, ...]
    candidate: str

    @property
    def same_counts(self) -> bool:
        """Whether speakers and segments are as many, which says nothing about who they are."""
        return self.speakers[0] == self.speakers[1] and self.segments[0] == self.segments[1]


def compare_turns(reference: str, candidate: str) -> TurnDifference:
    """Compare RTTM text in which `parity.ports.dump.rttm.check_rttm` found no bad line."""
    reference, candidate = plain(reference), plain(candidate)
    names = speaker_names(reference, candidate)
    taken = set(names.values())
    theirs = [(turn.start, turn.duration, turn.speaker) for turn in spoken(reference)]
    as_named = [(turn.start, turn.duration, turn.speaker) for turn in spoken(candidate)]
    ours = [(s, d, names.get(who, who if who not in taken else f"{who}_of_candidate")) for s, d, who in as_named]
    only_reference, only_candidate = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
    same = not only_reference and not only_candidate
    by = []
    if same and any(old != new for old, new in names.items()):
        by.append("speakers named otherwise")
    if same and ours != theirs:
        by.append("lines in another order")
    return TurnDifference(
        same=same,
        by=tuple(by),
        score=score_rttm(reference, candidate),
        speakers=(len({who for _, _, who in theirs}), len({who for _, _, who in as_named})),
        segments=(len(theirs), len(as_named)),
        only_reference=tuple(sorted(only_reference.elements())),
        only_candidate=tuple(sorted(only_candidate.elements())),
        candidate=reference if same else _written(ours),
    )


def _written(turns: list[Line]) -> str:
    return to_rttm([Turn(start, start + duration, "", who) for start, duration, who in turns], "clip")
