"""The reference against itself: captures with one benign change each, and how far every artefact moves.

Most changes are environment variables, which count only before NumPy and torch are loaded: each variant has a process
of its own (`python -m capture.noise`), which checks that the change took effect, runs all chosen fixtures, and puts
its part into `noise.json` after each, so that an interrupted run loses one capture at most.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from capture.changes import CHANGES, Change, batched, chosen, one_ulp, shown
from capture.environment import changed, mend_torchaudio, silence_torchcodec
from capture.settings import check_installed
from parity.community1 import Parameters
from parity.community1.scoring import inactive
from parity.console import run_and_exit, stderr
from parity.errors import InputError, one_line
from parity.files.whole import sha256_bytes
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.fixtures.heard import with_heard
from parity.fixtures.noise import ALL_EMBEDDINGS, Noise, NoiseFloor, Variant, read_noise, write_noise
from parity.fixtures.prepare import check_provenance, load_inputs
from parity.fixtures.snapshot import REFERENCE_VERSION, Snapshot, read_snapshot
from parity.measure import Drift, compare
from parity.pipeline import ARTEFACTS
from parity.replay import CASCADED
from parity.replay.outcome import TEXTS, excuses, near_tie_flips
from parity.sources import WeightSet, load_weights


def measure(
    fixtures: Sequence[str], variants: Iterable[str], weights: str, out: Path | None, threads: int
) -> list[str]:
    """Measure variants, one process after the other.

    Parameters
    ----------
    fixtures : names; all of them where there are none
    variants : names; all of them where there are none
    weights : as `parity.sources.weights.load_weights` takes it
    out : a folder of snapshots, one per fixture by its name, instead of fixtures/
    threads : of a normal capture

    Returns
    -------
    failed : variants that could not be measured on every fixture; each has said why

    Raises
    ------
    InputError : a variant is not known
    """
    changes = chosen(list(variants))
    check_installed(REFERENCE_VERSION)
    failed = []
    request = {"fixtures": list(fixtures), "weights": weights, "out": out and str(out)}
    for change in changes:
        wanted = change.threads or threads
        argument = json.dumps({**request, "variant": change.name, "threads": wanted, "usual_threads": threads})
        command = [sys.executable, "-m", "capture.noise", argument]
        if subprocess.run(command, env=changed(wanted, change.environment), check=False).returncode:
            failed.append(change.name)
    return failed


def noise(values: Mapping[str, Any], kept: Snapshot) -> dict[str, Noise]:
    """How far every artefact of a capture is from the snapshot's.

    Frames that flip where the snapshot's two best classes are tied within noise are excused, and what moves with
    them, as in a replay: a port's drift is judged so, and the yardstick has to be the same.

    Parameters
    ----------
    values : artefact -> array, or RTTM text, of the capture with a change
    kept : the snapshot

    Returns
    -------
    noise : artefact -> Noise; `embeddings` over rows of active speakers, `embeddings_all_rows` over all
    """
    allowed = excuses(near_tie_flips(values.get("segmentations"), kept), kept)
    found = {}
    for name in ARTEFACTS:
        if name not in kept.values:
            continue
        got, want, excused = values.get(name), kept.values[name], allowed.get(name)
        if name == "embeddings" and got is not None and got.shape == want.shape and "segmentations" in kept.values:
            found[ALL_EMBEDDINGS] = _noise(name, got, want, excused)
            got, want, excused = (_active(array, kept) for array in (got, want, excused))
        found[name] = _noise(name, got, want, excused)
    return found


def _active(array: np.ndarray | None, kept: Snapshot) -> np.ndarray | None:
    """Rows of speakers active in their chunk: (n, 1, 256)."""
    return None if array is None else array[~inactive(kept.values["segmentations"])][:, None]


def _noise(name: str, got: Any, want: Any, excused: np.ndarray | None) -> Noise:
    if got is None:
        return Noise(None, None, len(want.splitlines()) if isinstance(want, str) else want.size)
    drift = compare(name, got, want, mode=CASCADED, excused=excused)
    if np.isinf(drift.max_abs) or _nothing_left(drift, excused):
        return Noise(None, None, drift.mismatches, drift.excused)
    return Noise(drift.max_abs, drift.rms, drift.mismatches, drift.excused)


def _nothing_left(drift: Drift, excused: np.ndarray | None) -> bool:
    # Zero would say that the reference is sure of what nobody could measure.
    return bool(drift.excused) and excused is not None and bool(excused.all())


def main() -> None:
    """Entry point of one variant's process; the one argument is JSON, as `measure` writes it."""
    run_and_exit(lambda: sys.exit(_measure_variant(**json.loads(sys.argv[1]))))


def _measure_variant(
    variant: str, fixtures: list[str], weights: str, out: str | None, threads: int, usual_threads: int
) -> int:
    """The exit status: 0, or 2 where a fixture could not be measured."""
    mend_torchaudio()
    silence_torchcodec()
    import torch

    torch.set_num_threads(threads)
    change, status = CHANGES[variant], 0
    weight_set = load_weights(weights)
    machine = shown(change, weight_set)
    if not change.acts(machine):
        raise InputError(f"variant {variant} changes nothing on this machine, which shows {json.dumps(machine)}")
    selected = Catalogue.read(default_folder()).select(fixtures)
    for position, fixture in enumerate(selected, start=1):
        stderr.print(f"{variant} [{position}/{len(selected)}] {fixture.name}: running pyannote.audio")
        folder = Path(out) / fixture.name if out else fixture.snapshot_folder
        try:
            measured = _measure_fixture(change, fixture, folder, weight_set, machine, usual_threads)
        except InputError as error:
            stderr.print(f"error: {one_line(error)}")
            status = 2
            continue
        stderr.print(f"{variant} [{position}/{len(selected)}] {fixture.name}: {_line(measured)}")
    return status


def _measure_fixture(
    change: Change, fixture: Fixture, folder: Path, weights: WeightSet, machine: dict[str, Any], usual_threads: int
) -> Variant:
    from capture.reference import load_reference, run_reference

    kept = read_snapshot(folder)
    check_provenance(kept, fixture, weights, Parameters(**weights.parameters, **fixture.speakers))
    _check_otherwise_equal(kept, usual_threads)
    inputs = load_inputs(fixture.clip())
    kept = with_heard(kept, inputs)
    if change.one_ulp:
        samples = inputs["samples"]
        moved = one_ulp(samples, seed=int(sha256_bytes(fixture.name.encode())[:8], 16))
        machine = {**machine, "samples": samples.size, "samples_moved": int(np.count_nonzero(moved != samples))}
        inputs["samples"] = moved
    pipeline = batched(load_reference(weights.folder), change.batch_size)
    run = run_reference(pipeline, **inputs, uri=fixture.name, speakers=fixture.speakers)
    texts = dict(zip(TEXTS, (run.diarization, run.exclusive_diarization), strict=True))
    variant = Variant(
        name=change.name,
        what=change.what,
        seconds=round(run.seconds, 3),
        machine=machine,
        answer_changed=any(texts[name] != kept.values[name] for name in TEXTS if name in kept.values),
        artefacts=noise({**run.values, **texts}, kept),
    )
    write_noise(folder, _floor(folder, fixture).with_variant(variant))
    return variant


def _check_otherwise_equal(kept: Snapshot, usual_threads: int) -> None:
    """One change at a time: whatever else a snapshot says of how it was made has to hold here.

    Raises
    ------
    InputError : it was captured with other versions or other threads
    """
    from capture.snapshots import versions

    here = {**versions(), "threads": usual_threads}
    said = [kept.manifest.get(key) for key in ("versions", "machine")]
    there = {name: value for table in said if isinstance(table, dict) for name, value in table.items()}
    for name, value in there.items():
        if name in here and here[name] != value:
            raise InputError(
                f"{kept.folder}: captured with {name} {value}, here it is {here[name]}: more than one thing would "
                f"change; install the pinned version, or capture again with --accept"
            )


def _floor(folder: Path, fixture: Fixture) -> NoiseFloor:
    """What was measured so far; begun anew where it belongs to another snapshot or cannot be read."""
    try:
        floor = read_noise(folder)
    except InputError as error:
        stderr.print(f"{fixture.name}: begun anew: {error}")
        floor = None
    return floor or NoiseFloor(fixture.name, snapshot_sha256(folder))


def _line(variant: Variant) -> str:
    moved = [(name, noise) for name, noise in variant.artefacts.items() if any(asdict(noise).values())]
    sizes = [
        f"{name} {'undefined' if n.max_abs is None else format(n.max_abs, '.1e')}/{n.mismatches}/{n.excused}"
        for name, n in moved
    ]
    answer = "ANSWER CHANGED" if variant.answer_changed else "same answer"
    return f"{variant.seconds:.0f} s, {answer}; max/mismatches/excused: {', '.join(sizes) or 'bit-identical'}"


if __name__ == "__main__":
    main()
