"""An answer as text: RTTM, JSON, CSV, SRT, Praat's TextGrid, Audacity's labels.

Conventions: seconds from the beginning of the file. JSON has every digit; the others round to the millisecond, as RTTM
does (a frame is 17 ms long). UTF-8, lines end in a line feed. What each form holds stands in docs/reference/answers.md.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity.answers.diarization import Diarization, check_rttm_name
from parity.answers.document import to_json
from parity.answers.textgrid import to_textgrid
from parity.community1.annotation import Turn, to_rttm
from parity.errors import InputError
from parity.names import find_name

CSV_COLUMNS = ("recording", "start_seconds", "end_seconds", "speaker")

Write = Callable[[Diarization, str, bool], str]
"""The answer, the recording's name, whether at most one speaker speaks at a time -> text."""


@dataclass(frozen=True)
class Form:
    """One form of text.

    Attributes
    ----------
    name, ending : by which it is asked for; of its files
    write : the answer of one recording as text
    several : whether texts of several recordings may follow each other
    head : what stands once before all of them
    """

    name: str
    ending: str
    write: Write
    several: bool = False
    head: str = ""


def as_text(answer: Diarization, form: str, uri: str, *, exclusive: bool = False) -> str:
    """A whole file: the answer in a form, named as in `FORMS` or by the beginning of its name.

    Parameters
    ----------
    uri : the recording's name
    exclusive : whether at most one speaker speaks at a time

    Raises
    ------
    InputError : an unknown form, or a name that it cannot hold
    """
    found = find_form(form)
    check_name(uri, found)
    return found.head + found.write(answer, uri, exclusive)


def find_form(typed: str) -> Form:
    """The form that was meant.

    Raises
    ------
    InputError : there is none of that name
    """
    return FORMS[find_name(typed, FORMS, refused="--format {}: unknown", there_are="there are:")]


def recording_name(path: Path) -> str:
    """What a recording is called if nobody says otherwise: its file's name without the last ending, as in pyannote."""
    return path.stem


def check_name(uri: str, form: Form) -> None:
    """Refuse a recording's name that a form cannot hold.

    Raises
    ------
    InputError : not text; in RTTM, empty or with white space
    """
    try:
        uri.encode("utf-8")
    except UnicodeEncodeError as error:
        said = uri.encode("utf-8", "backslashreplace").decode()
        raise InputError(f"recording's name '{said}': holds bytes that are not UTF-8; name it with --uri") from error
    if form.name == "rttm":
        check_rttm_name(uri)


def _turns(answer: Diarization, exclusive: bool) -> list[Turn]:
    return answer.exclusive_turns if exclusive else answer.turns


def _rttm(answer: Diarization, uri: str, exclusive: bool) -> str:
    return to_rttm(_turns(answer, exclusive), uri)


def _csv(answer: Diarization, uri: str, exclusive: bool) -> str:
    return _csv_lines((uri, f"{t.start:.3f}", f"{t.end:.3f}", t.speaker) for t in _turns(answer, exclusive))


def _csv_lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _srt(answer: Diarization, uri: str, exclusive: bool) -> str:
    return "\n".join(
        f"{number}\n{_clock(turn.start)} --> {_clock(turn.end)}\n{turn.speaker}\n"
        for number, turn in enumerate(_turns(answer, exclusive), start=1)
    )


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02d}:{minute:02d}:{second:02d},{thousandths:03d}"


def _audacity(answer: Diarization, uri: str, exclusive: bool) -> str:
    return "".join(f"{t.start:.3f}\t{t.end:.3f}\t{t.speaker}\n" for t in _turns(answer, exclusive))


FORMS = {
    form.name: form
    for form in (
        Form("rttm", ".rttm", _rttm, several=True),
        Form("json", ".json", lambda answer, uri, exclusive: to_json(answer, uri)),
        Form("csv", ".csv", _csv, several=True, head=_csv_lines([CSV_COLUMNS])),
        Form("srt", ".srt", _srt),
        Form(
            "textgrid",
            ".TextGrid",
            lambda answer, uri, exclusive: to_textgrid(_turns(answer, exclusive), answer.end_seconds),
        ),
        Form("audacity", ".txt", _audacity),
    )
}
"""Name -> form, in the order of `--help`."""
