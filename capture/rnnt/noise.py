"""The RNN-T reference against itself: one benign change each, and how far every artefact moves.

Kept as `noise.json` beside the snapshot, as for the other pipeline (`parity.fixtures.noise`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from capture.rnnt.reference import RnntRun, run_reference
from capture.rnnt.snapshots import machine
from parity.fixtures import Snapshot
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.noise import Noise, NoiseFloor, Variant, write_noise
from parity.measure import compare
from parity.pipeline.artefact import STEP_ARTEFACTS
from parity.replay import CASCADED
from parity.subjects.rnnt.fixtures import RnntFixture, made_head


@dataclass(frozen=True)
class Change:
    """One benign change from a normal capture.

    Attributes
    ----------
    name, what : its name, and what is changed in one line
    frames : what is done to the encoder frames
    dtype : of the reference's arithmetic
    threads : of torch
    """

    name: str
    what: str
    frames: Callable[[np.ndarray], np.ndarray] = lambda encoded: encoded
    dtype: torch.dtype = torch.float32
    threads: int = 1


def one_ulp(encoded: np.ndarray) -> np.ndarray:
    """Every value moved to a neighbouring float32, up or down by chance, the same at every run."""
    rng = np.random.default_rng(zlib.crc32(b"one_ulp"))
    return np.nextafter(encoded, np.where(rng.random(encoded.shape) < 0.5, -np.inf, np.inf), dtype=np.float32)


CHANGES = (
    Change("unchanged", "nothing: the control"),
    Change("one_ulp", "every value of the encoder frames moved by one ulp", frames=one_ulp),
    Change("two_threads", "two threads of torch for one", threads=2),
    Change("float64", "the reference's arithmetic in float64", dtype=torch.float64),
)


def measure(fixture: RnntFixture) -> NoiseFloor:
    """Capture a fixture once with each change, compare with its snapshot, and write `noise.json` beside it."""
    kept = fixture.read()
    floor = NoiseFloor(fixture.name, snapshot_sha256(kept.folder))
    for change in CHANGES:
        floor = floor.with_variant(_variant(fixture, kept, change))
    write_noise(kept.folder, floor)
    return floor


def _variant(fixture: RnntFixture, kept: Snapshot, change: Change) -> Variant:
    encoded = change.frames(fixture.encoded())
    with torch_threads(change.threads):
        run = run_reference(made_head(fixture.head), encoded, fixture.max_symbols, dtype=change.dtype)
        ran_on = machine() | {"dtype": str(change.dtype), "frames_moved": int((encoded != fixture.encoded()).sum())}
    changed = any(not np.array_equal(run.values[name], kept.values[name]) for name in ("tokens", "token_frames"))
    return Variant(change.name, change.what, round(run.seconds, 3), ran_on, changed, _noises(run, kept))


def _noises(run: RnntRun, kept: Snapshot) -> dict[str, Noise]:
    found = {}
    for name in (name for name in STEP_ARTEFACTS if name in kept.values):
        drift = compare(name, run.values[name].astype(kept.values[name].dtype), kept.values[name], mode=CASCADED)
        known = np.isfinite(drift.max_abs)
        found[name] = Noise(drift.max_abs if known else None, drift.rms if known else None, drift.mismatches)
    return found


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many threads of torch for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
