"""Several recordings, several forms: what goes into which file, refused before any work is done.

Conventions: a recording's files bear its own file's name in the folder that was named; without a folder there is one
form and it goes to standard output. What is wrong with the call as a whole raises; what is wrong with one recording is
said of that one, and the others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity.answers.diarization import Diarization
from parity.answers.forms import Form, check_name, find_form, recording_name
from parity.errors import InputError
from parity.files import check_writable
from parity.files.whole import write_text

STANDARD_INPUT = Path("-")
STDIN = "stdin"
"""What a recording on standard input is called if nobody says otherwise."""

PICTURE = ".svg"


@dataclass(frozen=True)
class Planned:
    """One recording.

    Attributes
    ----------
    audio : its file; `-` is standard input
    uri : its name
    texts : each form, and the file that it goes into; none where it goes to standard output
    picture : the file of its drawing
    """

    audio: Path
    uri: str
    texts: tuple[tuple[Form, Path], ...] = ()
    picture: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All that will be written."""
        return (*(path for _, path in self.texts), *([self.picture] if self.picture else []))

    def write(self, answer: Diarization, *, exclusive: bool) -> None:
        """Write its texts, each whole or not at all.

        Raises
        ------
        InputError : the disk is full or the folder cannot be written
        """
        for form, path in self.texts:
            write_text(path, form.head + form.write(answer, self.uri, exclusive))


@dataclass(frozen=True)
class Plan:
    """All recordings, and the one form that goes to standard output, if any."""

    recordings: tuple[Planned, ...]
    printed: Form | None


def make_plan(
    audio: Sequence[Path],
    formats: Iterable[str],
    *,
    out: Path | None = None,
    uri: str | None = None,
    picture: bool = False,
) -> Plan:
    """Which recording goes where.

    Parameters
    ----------
    audio : files; `-` is standard input
    formats : names of forms
    out : the folder of the files
    uri : the name of the only recording
    picture : whether each is drawn: in that folder, in the working folder without one

    Raises
    ------
    InputError : an unknown form, several where only one can be printed, `--uri` for several recordings, two recordings
        for one name or one file, a folder that cannot be written
    """
    forms = tuple(dict.fromkeys(map(find_form, formats)))
    if uri is not None and len(audio) > 1:
        raise InputError(f"--uri {uri}: names one recording, and here are {len(audio)}; leave it out")
    if audio.count(STANDARD_INPUT) > 1:
        raise InputError("-: standard input holds one recording; name it once")
    if out is None:
        _check_printable(forms, len(audio))
    else:
        if out.exists() and not out.is_dir():
            raise InputError(f"--out {out}: is a file, expected a folder, there or new")
        check_writable(out / ".folder")
    planned = [_planned(path, uri, forms, out, picture) for path in audio]
    _check_apart(planned, forms if out is None else ())
    return Plan(tuple(planned), forms[0] if out is None else None)


def check_recording(planned: Planned, plan: Plan, *, overwrite: bool) -> None:
    """Refuse one recording whose answer could not be written.

    Raises
    ------
    InputError : a name that a form cannot hold, or a file that is there already
    """
    for form in (*(form for form, _ in planned.texts), *([plan.printed] if plan.printed else [])):
        try:
            check_name(planned.uri, form)
        except InputError as error:
            raise InputError(f"{planned.audio}: {error}") from error
    there = [path for path in planned.files if path.exists()]
    if there and not overwrite:
        raise InputError(f"{there[0]}: is there already; --overwrite replaces it, --out names another folder")


def _planned(audio: Path, uri: str | None, forms: Sequence[Form], out: Path | None, picture: bool) -> Planned:
    stem = STDIN if audio == STANDARD_INPUT else recording_name(audio)
    texts = () if out is None else tuple((form, out / f"{stem}{form.ending}") for form in forms)
    drawn = (out or Path()) / f"{stem}{PICTURE}" if picture else None
    return Planned(audio, stem if uri is None else uri, texts, drawn)


def _check_printable(forms: Sequence[Form], recordings: int) -> None:
    if len(forms) > 1:
        names = ", ".join(form.name for form in forms)
        raise InputError(f"--format {names}: standard output takes one form; --out DIR gives each a file of its own")
    if recordings > 1 and not forms[0].several:
        raise InputError(
            f"--format {forms[0].name}: holds one recording, and here are {recordings}; "
            "--out DIR gives each a file of its own"
        )


def _check_apart(planned: Sequence[Planned], printed: Sequence[Form]) -> None:
    files = Counter(path for one in planned for path in one.files)
    names = Counter(one.uri for one in planned if printed)
    for what, count in (files | names).items():
        if count > 1:
            twice = [str(one.audio) for one in planned if what == one.uri or what in one.files]
            where = "would be written there" if isinstance(what, Path) else "would bear that name"
            raise InputError(f"{what}: {' and '.join(twice)} {where}; diarize them one by one, or rename one")
