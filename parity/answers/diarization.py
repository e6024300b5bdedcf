"""What the pipeline returns: who speaks when, a voice per speaker, and what is to be known beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from parity.audio.loudness import Energy
from parity.audio.remarks import Remark
from parity.community1.annotation import Turn, to_rttm
from parity.errors import InputError

if TYPE_CHECKING:
    from pyannote.core import Annotation


@dataclass(frozen=True)
class Diarization:
    """What `diarize` returns.

    Attributes
    ----------
    turns, exclusive_turns : who speaks when in seconds, with and without overlap, in RTTM order
    embeddings : (num_speakers, 256) float64, one row for each speaker in the order of their names; zero for a speaker
        that only the count asked for
    speakers : their names, in the order of those rows
    audio_seconds : how long the recording is, or the part of it that was asked for; the last turn may end a little
        later, as in the reference, which pads the last chunk
    start_seconds : where in the file that part begins; the turns' times are counted from the beginning of the file
    remarks : what is not as it should be with the file, warnings first (`parity audio` says more)
    energy : how loud it is along the way, for a drawing
    weights, runtime : names of the weight set and of what the embedding network ran in
    artefacts : those asked for, by name; shapes and dtypes are in `parity.pipeline.artefact`
    seconds : of each stage, by the wall; the filterbank's are a part of the embeddings'
    """

    turns: list[Turn]
    exclusive_turns: list[Turn]
    embeddings: np.ndarray
    speakers: tuple[str, ...] = ()
    audio_seconds: float = 0.0
    start_seconds: float = 0.0
    remarks: tuple[Remark, ...] = ()
    energy: Energy = field(default=Energy(), repr=False)
    weights: str = ""
    runtime: str = ""
    artefacts: dict[str, Any] = field(default_factory=dict, repr=False)
    seconds: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def end_seconds(self) -> float:
        """Where in the file the part that was asked for ends, or the last turn if that is later."""
        return max([self.start_seconds + self.audio_seconds, *(turn.end for turn in self.turns)])

    def rttm(self, uri: str, *, exclusive: bool = False) -> str:
        """The turns as RTTM text.

        Raises
        ------
        InputError : a name that is empty or holds white space, by which RTTM separates its fields
        """
        check_rttm_name(uri)
        return to_rttm(self.exclusive_turns if exclusive else self.turns, uri)

    def text(self, form: str, uri: str, *, exclusive: bool = False) -> str:
        """The answer in one of the forms of `parity.answers.FORMS`: `rttm`, `json`, `csv`, `srt`, `textgrid`, …

        Parameters
        ----------
        form : its name, or the beginning of it
        uri : the recording's name
        exclusive : whether at most one speaker speaks at a time; JSON holds both anyway

        Raises
        ------
        InputError : an unknown form, or a name that it cannot hold
        """
        from parity.answers.forms import as_text  # which knows this class

        return as_text(self, form, uri, exclusive=exclusive)

    def to_annotation(self, uri: str | None = None, *, exclusive: bool = False) -> Annotation:
        """The turns as a `pyannote.core.Annotation`, as pyannote.audio's own pipeline returns them.

        Parameters
        ----------
        uri : of the annotation
        exclusive : whether at most one speaker speaks at a time

        Returns
        -------
        annotation : segments in seconds, not rounded to the three decimals of RTTM; tracks and labels as in the turns
        """
        from pyannote.core import Annotation, Segment

        annotation = Annotation(uri=uri)
        for turn in self.exclusive_turns if exclusive else self.turns:
            annotation[Segment(turn.start, turn.end), turn.track] = turn.speaker
        return annotation


def later(turns: Iterable[Turn], seconds: float) -> list[Turn]:
    """Turns, so many seconds later: of a part of a recording, as they lie in the whole."""
    if not seconds:
        return list(turns)
    return [replace(turn, start=turn.start + seconds, end=turn.end + seconds) for turn in turns]


def check_rttm_name(uri: str) -> None:
    """Refuse a recording's name that RTTM cannot hold.

    Raises
    ------
    InputError : it is empty or holds white space
    """
    if not uri or any(character.isspace() for character in uri):
        raise InputError(
            f"recording's name {uri!r}: RTTM separates its fields by white space, a name is not empty and holds none: "
            "give another with --uri, or take another --format"
        )
