"""`python -m capture.rnnt`: run gigaam's RNN-T head and search on the RNN-T fixtures; keep or check their snapshots."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from parity.console import run_and_exit, stderr
from parity.errors import InputError
from parity.fixtures.snapshot import MANIFEST, Snapshot
from parity.measure import compare
from parity.pipeline.artefact import STEP_ARTEFACTS
from parity.subjects.rnnt.fixtures import RnntFixture, select

MEASURED = ("predictor_state", "log_probabilities")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def capture(
    fixture: Annotated[list[str], typer.Option(help="Only this fixture; repeatable. All of them otherwise.")] = [],  # noqa: B006
    check: Annotated[bool, typer.Option("--check", help="Capture again and compare; write nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Replace snapshots that have changed.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write snapshots into this folder instead of fixtures/rnnt.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Keep every step of every fixture (with --out; 0.5 GB).")
    ] = False,
    noise: Annotated[bool, typer.Option("--noise", help="Measure what benign changes do; write noise.json.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
) -> None:
    """Run gigaam 0.1.0's RNN-T search on seeded heads and frames, record every step, and keep the snapshots.

    Exit status: 0 all captured (or, with --check, reproduced within tolerance), 1 something differs, 2 the inputs were
    wrong.
    """
    import torch

    torch.set_num_threads(threads)
    if noise:
        if check or accept or out or everything:
            raise InputError("--noise keeps snapshots as they are; leave --check, --accept, --out and --everything out")
        _measure_noise(select(fixture))
        return
    within = True
    for entry in select(fixture):
        folder = out / entry.name if out else entry.snapshot_folder
        within &= _one(entry, folder, check, accept, everything and out is not None)
    raise typer.Exit(0 if within else 1)


def _measure_noise(fixtures: list[RnntFixture]) -> None:
    from capture.rnnt.noise import measure

    for entry in fixtures:
        for variant in measure(entry).variants:
            moved = {name: variant.artefacts[name].max_abs for name in MEASURED if name in variant.artefacts}
            said = ", ".join(f"{name} {'parted' if size is None else f'{size:.1e}'}" for name, size in moved.items())
            stderr.print(f"{entry.name}: {variant.name}: {said or 'decisions'}"
                         f"{'; ANOTHER ANSWER' if variant.answer_changed else ''}", markup=False)  # fmt: skip


def _one(fixture: RnntFixture, folder: Path, check: bool, accept: bool, everything: bool) -> bool:
    from capture.rnnt.snapshots import capture_fixture

    if not check and (accept or not (folder / MANIFEST).exists()):
        kept = capture_fixture(fixture, folder, replace=accept, everything=everything)
        stderr.print(f"{fixture.name}: {kept.manifest['steps']} steps in {kept.manifest['seconds']:.2f} s")
        return True
    with TemporaryDirectory() as temporary:
        fresh = capture_fixture(fixture, Path(temporary) / fixture.name, everything=everything)
        within, lines = differences(fixture.read(folder.parent), fresh)
    for line in lines:
        stderr.print(f"{fixture.name}: {line}")
    return within


def differences(kept: Snapshot, fresh: Snapshot) -> tuple[bool, list[str]]:
    """Whether a new capture is within tolerance of the one that is kept, and what to tell."""
    lonely = sorted(set(kept.values) ^ set(fresh.values))
    lines, within, same = [f"{name} is only in one of the captures" for name in lonely], not lonely, 0
    for name in STEP_ARTEFACTS:
        if name not in kept.values or name not in fresh.values:
            continue
        if kept.values[name].tobytes() == fresh.values[name].tobytes():
            same += 1
            continue
        drift = compare(name, fresh.values[name], kept.values[name], mode="cascaded")
        within &= drift.within
        lines.append(f"{name}: max {drift.max_abs:.1e}, {drift.mismatches} mismatches: "
                     f"{'within tolerance' if drift.within else 'OUT OF TOLERANCE'}")  # fmt: skip
    return within, [f"{same} of {len(set(kept.values) & set(fresh.values))} artefacts bit-identical", *lines]


def main() -> None:
    """Entry point."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
