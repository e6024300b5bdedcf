"""`--truth` of several fixtures: one that fails is a line, what was measured before is kept, and `--check` compares.

Each truth is written when it is known, so that a run that was stopped loses the recording it was at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pyannote.audio import Pipeline

from capture.device import prepared
from capture.settings import Settings
from capture.truth import Measured, load_double, measure_truth
from parity.console import stderr
from parity.errors import InputError, one_line
from parity.fixtures import Fixture
from parity.fixtures.snapshot import MANIFEST
from parity.fixtures.truth import TrueArtefact, Truth, read_truth, sampled
from parity.sources import WeightSet

AGREE = 1e-9
"""How far two measurements of one truth may be apart: float64's own rounding through a network stays far below."""


def record_all(
    fixtures: Sequence[Fixture],
    weights: WeightSet,
    settings: Settings,
    *,
    every_chunk: bool = False,
    resume: bool = False,
    check_only: bool = False,
) -> tuple[list[str], list[str]]:
    """Measure fixtures one after the other and write each beside its snapshot, or into a folder of its name elsewhere.

    Parameters
    ----------
    settings : the device of the networks, and `out`: where truths go; a snapshot that lies there is the one that is
        measured, else the catalogue's
    resume : whether a truth of the same snapshot, weights and chunks that is there already is kept
    check_only : write nothing; say how far the truth that is there is from what is measured now

    Returns
    -------
    failed, differing : names of those that could not be measured, each of which has said why, and of those whose truth
        is another than the one that is there
    """
    failed: list[str] = []
    differing: list[str] = []
    with prepared(settings.device, tf32=False):
        pipeline = load_double(weights, settings.device)
        for position, fixture in enumerate(fixtures, start=1):
            said = f"[{position}/{len(fixtures)}] {fixture.name}"
            try:
                if not _record_one(said, fixture, pipeline, weights, settings, every_chunk, resume, check_only):
                    differing.append(fixture.name)
            except Exception as error:
                # One recording's trouble, or a card's with one recording, does not cost the others their truth.
                what = "" if isinstance(error, InputError | OSError) else f"{type(error).__name__}: "
                _say(f"{said}: not measured: {what}{one_line(error)}")
                failed.append(fixture.name)
    return failed, differing


def _record_one(
    said: str,
    fixture: Fixture,
    pipeline: Pipeline,
    weights: WeightSet,
    settings: Settings,
    every_chunk: bool,
    resume: bool,
    check_only: bool,
) -> bool:
    """Whether the truth that is there is the one measured now; True where it was written or kept."""
    folder = settings.out / fixture.name if settings.out else fixture.snapshot_folder
    snapshot = folder if (folder / MANIFEST).exists() else fixture.snapshot_folder
    if resume and (known := taken_up(folder, snapshot, weights, every_chunk)):
        _say(f"{said}: kept, {known}")
        return True
    kept = kept_truth(folder, snapshot) if check_only else None
    _say(f"{said}: everything in float64, networks on {settings.device}")
    found = measure_truth(snapshot, pipeline, fixture, weights, device=settings.device, every_chunk=every_chunk)
    if kept is None:
        _say(f"{said}: {found.write(folder)} in {found.said['seconds']:.1f} s")
        return True
    lines = list(apart(kept, found))
    for line, _ in lines:
        _say(f"{said}: {line}")
    return not any(differs for _, differs in lines)


def taken_up(folder: Path, snapshot: Path, weights: WeightSet, every_chunk: bool) -> str | None:
    """What a truth that is there already says of itself; None where it has to be measured."""
    try:
        truth = read_truth(folder, snapshot)
    except InputError:
        return None
    if truth is None or truth.made.get("weights_sha256") != weights.sha256:
        return None
    chunks, total = truth.made.get("chunks", ()), truth.made.get("chunks_in_all")
    if every_chunk and len(chunks) != total:
        return None
    return f"measured before on {truth.made.get('machine', {}).get('device')}, {len(chunks)} of {total} chunks"


def kept_truth(folder: Path, snapshot: Path) -> Truth:
    """The truth that is there.

    Raises
    ------
    InputError : there is none, or it cannot be read
    """
    truth = read_truth(folder, snapshot)
    if truth is None:
        raise InputError(f"{folder}: no truth to check; leave --check out to measure it")
    return truth


def apart(kept: Truth, found: Measured) -> Iterator[tuple[str, bool]]:
    """How far a truth that is kept is from one that was measured now: a line by artefact, and whether it is too far.

    Kept distances are rounded to float16, a two-thousandth of the largest, which is allowed for.
    """
    if sorted(kept.made["chunks"]) != sorted(found.said["chunks"]):
        yield f"other chunks: {len(kept.made['chunks'])} are kept, {len(found.said['chunks'])} were measured", True
        return
    for where, ours, theirs in (
        ("", found.artefacts, kept.artefacts),
        (" alone", found.alone, kept.alone),
    ):
        for name in sorted({*ours, *theirs}, key=[*ours, *theirs].index):
            if name not in ours or name not in theirs:
                yield f"{name}{where}: only on one side", True
                continue
            largest = _largest(ours[name], theirs[name])
            if not where and name in found.apart and name in kept.distances:
                largest = max(largest, _distance(name, found, kept, theirs[name].scale or 0.0))
            same = ours[name].mismatches == theirs[name].mismatches
            said = f"{name}{where}: {largest:.1e} from the one kept" + ("" if same else ", other labels")
            yield said, not same or not largest <= AGREE


def _largest(ours: TrueArtefact, theirs: TrueArtefact) -> float:
    """Of the differences in what is said of one artefact; infinite where one side has no number."""
    values = [(getattr(ours, key), getattr(theirs, key)) for key in ("max_abs", "rms")]
    return max(0.0 if a == b else float("inf") if None in (a, b) else abs(a - b) for a, b in values)


def _distance(name: str, found: Measured, kept: Truth, scale: float) -> float:
    now, before = sampled(name, found.apart[name]), kept.distances[name].astype(np.float64) * scale
    if now.shape != before.shape or not np.array_equal(np.isnan(now), np.isnan(before)):
        return float("inf")
    return max(0.0, float(np.nanmax(np.abs(now - before), initial=0.0)) - scale)


def _say(line: str) -> None:
    stderr.print(line, markup=False, soft_wrap=True)
