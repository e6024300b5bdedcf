"""`parity diarize`: who speaks when in an audio file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from parity.console import working
from parity.errors import InputError

if TYPE_CHECKING:
    from parity.community1.parameters import Bounds


def diarize(
    audio: Annotated[Path, typer.Argument(help="A WAV or FLAC of any rate and channel count.")],
    weights: WeightsOption = "wheels",
    num_speakers: NumSpeakersOption = None,
    min_speakers: MinSpeakersOption = None,
    max_speakers: MaxSpeakersOption = None,
    exclusive: Annotated[bool, typer.Option("--exclusive", help="At most one speaker at a time.")] = False,
    uri: Annotated[str | None, typer.Option(help="Name in the RTTM lines; the file's name by default.")] = None,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "cpu",
    precision: PrecisionOption = "float32",
    threads: ThreadsOption = None,
) -> None:
    """Say who speaks when in an audio file: RTTM on standard output."""
    from parity.diarize import diarize as diarize_audio

    if audio.is_dir():
        raise InputError(f"{audio}: is a folder, expected an audio file (WAV, FLAC)")
    name = uri if uri is not None else "_".join(audio.stem.split())
    if not name or any(character.isspace() for character in name):
        raise InputError(f"--uri {name!r}: RTTM separates its fields by spaces, a name holds none")
    bounds: Bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
    with working(audio.name) as say:
        result = diarize_audio(
            audio,
            weights=weights,
            threads=threads,
            runtime=runtime,
            device=device,
            precision=precision,
            progress=lambda stage, done, total: say(f"{audio.name}: {stage} {done}/{total}"),
            **bounds,
        )
    print(result.rttm(name, exclusive=exclusive), end="")
