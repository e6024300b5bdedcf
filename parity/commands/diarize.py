"""`parity diarize`: who speaks when in audio files."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parity.checkout import need
from parity.commands.options import (
    DeviceOption,
    MaxSpeakersOption,
    MinSpeakersOption,
    NumSpeakersOption,
    PrecisionOption,
    RuntimeOption,
    ThreadsOption,
    WeightsOption,
)
from parity.console import stderr, working
from parity.errors import InputError, one_line

if TYPE_CHECKING:
    from parity.answers import Diarization
    from parity.answers.plan import Plan, Planned
    from parity.audio.part import Part
    from parity.community1.parameters import Bounds
    from parity.diarize import Diarizer

FORMATS = "rttm, json, csv, srt, textgrid or audacity"


def diarize(
    audio: Annotated[
        list[Path],
        typer.Argument(help="WAV, FLAC, MP3, Ogg, … of any rate and channels; - is a WAV on standard input."),
    ],
    formats: Annotated[
        list[str], typer.Option("--format", metavar="NAME", help=f"{FORMATS}; repeatable where there is --out.")
    ] = ["rttm"],  # noqa: B006
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A file per recording there, not standard output.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    embeddings: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Write the speakers' embeddings, of all recordings.")
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw who speaks when: NAME.svg in --out, else in the working folder.")
    ] = False,
    weights: WeightsOption = "wheels",
    num_speakers: NumSpeakersOption = None,
    min_speakers: MinSpeakersOption = None,
    max_speakers: MaxSpeakersOption = None,
    start: Annotated[float | None, typer.Option(metavar="SECONDS", help="Hear the recording from there on.")] = None,
    end: Annotated[float | None, typer.Option(metavar="SECONDS", help="Up to there.")] = None,
    channel: Annotated[
        int | None, typer.Option(metavar="N", help="One channel, counted from 0; the mean of all by default.")
    ] = None,
    exclusive: Annotated[bool, typer.Option("--exclusive", help="At most one speaker at a time.")] = False,
    uri: Annotated[
        str | None, typer.Option(help="The recording's name; the file's without its ending by default.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No progress, no seconds; errors and warnings all the same.")
    ] = False,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "cpu",
    precision: PrecisionOption = "float32",
    threads: ThreadsOption = None,
) -> None:
    """Say who speaks when in audio files: RTTM on standard output, or other forms in a folder.

    A name that begins with a dash stands after `--`. What each form holds: docs/reference/answers.md.
    Exit status: 0 all of them done, 2 something was wrong with one (it is said, the others are done) or with the call.
    """
    from parity.answers.plan import make_plan
    from parity.answers.voices import check_voices_file
    from parity.audio.part import Part
    from parity.diarize import Diarizer, check_bounds
    from parity.files import check_writable

    bounds: Bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
    check_bounds(**bounds)
    if plot:
        need("matplotlib", "--plot")
    if embeddings is not None:
        check_voices_file(embeddings)
        check_writable(embeddings)
    if len(audio) == 1:
        _check_no_folder(audio[0])
    plan = make_plan(audio, formats, out=out, uri=uri, picture=plot)
    run = Run(
        plan,
        lambda: Diarizer(weights, threads=threads, runtime=runtime, device=device, precision=precision),
        bounds,
        Part(start, end, channel),
        exclusive=exclusive,
        overwrite=overwrite,
        quiet=quiet,
    )
    run.all()
    if embeddings is not None:
        from parity.answers import write_voices

        write_voices(embeddings, run.answers)
    raise typer.Exit(2 if run.failed else 0)


@dataclass
class Run:
    """Recordings one after the other, with one load of the networks.

    Attributes
    ----------
    plan : what goes where
    load : makes the diarizer, when the first recording is found good
    bounds : on the number of speakers
    part : of each recording
    answers : name and answer of each recording that was done
    failed : how many were not
    """

    plan: Plan
    load: Callable[[], Diarizer]
    bounds: Bounds
    part: Part
    exclusive: bool = False
    overwrite: bool = False
    quiet: bool = False
    answers: list[tuple[str, Diarization]] = field(default_factory=list)
    failed: int = 0
    _diarizer: Diarizer | None = None
    _loading: bool = False

    def all(self) -> None:
        """Diarize every recording; what is wrong with one is one line, and the next one's turn."""
        for planned in self.plan.recordings:
            try:
                answer = self._one(planned)
            except (InputError, OSError) as error:
                if len(self.plan.recordings) == 1 or self._loading:
                    raise  # the only one, or nothing that another recording would do without
                print(f"error: {_said(error)}", file=sys.stderr)
                self.failed += 1
            else:
                self.answers.append((planned.uri, answer))
        if self.failed:
            stderr.print(f"{len(self.answers)} of {len(self.plan.recordings)} recordings were diarized")

    def _one(self, planned: Planned) -> Diarization:
        from parity.answers.plan import check_recording
        from parity.audio import open_samples
        from parity.audio.remarks import in_one_line

        check_recording(planned, self.plan, overwrite=self.overwrite)
        started = time.perf_counter()
        with self._telling(planned) as say, _file(planned.audio) as path:
            open_samples(path, self.part)  # what is wrong with it is said before weights are loaded
            if self._diarizer is None:
                say("weights")
                self._loading = True
                self._diarizer, self._loading = self.load(), False
                started = time.perf_counter()
            answer = self._diarizer(
                path,
                progress=lambda stage, done, total: say(f"{stage} {done}/{total}"),
                **asdict(self.part),
                **self.bounds,
            )
        self._hand_out(planned, answer)
        if warnings := in_one_line(answer.remarks):
            stderr.print(f"warning: {shown(planned)}: {warnings}; see parity audio")
        if not self.quiet:
            stderr.print(f"{shown(planned)}: {summary(answer, time.perf_counter() - started)}")
        return answer

    def _hand_out(self, planned: Planned, answer: Diarization) -> None:
        planned.write(answer, exclusive=self.exclusive)
        if planned.picture is not None:
            from parity.report.picture import plot_turns

            plot_turns(answer, planned.picture)
        if (form := self.plan.printed) is not None:
            head = "" if self.answers else form.head
            print(head + form.write(answer, planned.uri, self.exclusive), end="", flush=True)

    @contextlib.contextmanager
    def _telling(self, planned: Planned) -> Iterator[Callable[[str], None]]:
        if self.quiet:
            yield lambda step: None
            return
        count = len(self.plan.recordings)
        number = self.plan.recordings.index(planned) + 1
        name = f"{shown(planned)} ({number} of {count})" if count > 1 else shown(planned)
        with working(name) as say:
            yield lambda step: say(f"{name}: {step}")


def shown(planned: Planned) -> str:
    """A recording in what is said of it."""
    from parity.answers.plan import STANDARD_INPUT
    from parity.audio.standard_input import NAME

    return NAME if planned.audio == STANDARD_INPUT else str(planned.audio)


def summary(answer: Diarization, seconds: float) -> str:
    """``2 speakers, 13 turns; 30.0 s of audio in 3.9 s, 7.7 times as fast as it plays``."""
    speakers, turns = len(answer.speakers), len(answer.turns)
    said = f"{_counted(speakers, 'speaker')}, {_counted(turns, 'turn')}"
    speed = answer.audio_seconds / max(seconds, 1e-3)
    return f"{said}; {answer.audio_seconds:.1f} s of audio in {seconds:.1f} s, {speed:.1f} times as fast as it plays"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _said(error: Any) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}"
    return one_line(error)


@contextlib.contextmanager
def _file(audio: Path) -> Iterator[Path]:
    from parity.answers.plan import STANDARD_INPUT
    from parity.audio.standard_input import spooled

    if audio == STANDARD_INPUT:
        with spooled(sys.stdin.buffer) as path:
            yield path
        return
    _check_no_folder(audio)
    yield audio


def _check_no_folder(audio: Path) -> None:
    if audio.is_dir():
        raise InputError(f"{audio}: is a folder, expected an audio file (WAV, FLAC)")
