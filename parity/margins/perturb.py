"""How much a fixture's answer stands: seeded perturbations of rising size, until it changes.

Task: a snapshot -> the smallest size of noise on the embeddings, and on the filterbank, at which the RTTM of the plain
or of the exclusive diarization becomes another text, and the share of draws that changed it at every size. It is the
measured tolerance beside the margins that `parity.margins.margin` computes, and is kept beside the snapshot in
`stability.json`, with the rounding noise of the reference itself (`parity.margins.precision`).
Conventions: a draw is one direction, uniform in [-1, 1] for each element, scaled by every size in turn; noise is added
in float64 and the sum rounded to float32, as the artefact is. A text also changes where speakers only swap names.
Everything upstream of the noise is the reference's own; the native stages follow it. Sizes are absolute: for
embeddings the unit of the gate of 1e-5, for the filterbank log-mel energy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from parity.community1 import Networks, Parameters, community1_pipeline
from parity.community1.annotation import to_rttm
from parity.community1.audio import hear
from parity.community1.fbank import fbank_series
from parity.community1.plda import Plda, solve_plda
from parity.community1.scoring import inactive
from parity.errors import InputError
from parity.files import check_writable
from parity.fixtures import Fixture
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.prepare import check_provenance, load_inputs, load_networks
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.fixtures.stability import Perturbed, Stability, read_stability, stability_file, write_stability
from parity.margins.precision import BITS, rounding_noise
from parity.networks.runtime import one_blas_thread
from parity.pipeline import ChunkSeries, Pipeline
from parity.replay.outcome import TEXTS, URI
from parity.sources import WeightSet

__all__ = ["measure", "measure_all", "perturb_embeddings", "perturb_fbank", "read_stability"]

SEED = 0
SIZES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
EMBEDDING_DRAWS = 20
FBANK_DRAWS = 3
BEFORE = ("waveform", "chunk_waveforms", "segmentation_logits")
"""What is not needed where segmentations are the reference's."""

LONGEST_FBANK = 60.0
"""Seconds of audio; every draw on the filterbank runs the embedding network over the whole clip."""


def measure(
    fixture: Fixture,
    weights: WeightSet,
    networks: Networks,
    *,
    draws: int = EMBEDDING_DRAWS,
    fbank: bool = True,
    seed: int = SEED,
) -> Stability:
    """Everything that is said of one fixture.

    Parameters
    ----------
    draws : on the embeddings; on the filterbank at most `FBANK_DRAWS`
    fbank : whether the filterbank is perturbed too, which runs the embedding network

    Raises
    ------
    InputError : the snapshot, the clip or the weights do not belong together, or the snapshot lacks an artefact
    """
    folder = fixture.snapshot_folder
    snapshot = read_snapshot(folder)
    check_writable(stability_file(folder))  # said now, not when minutes of work are done
    parameters = Parameters(**weights.parameters, **fixture.speakers)
    check_provenance(snapshot, fixture, weights, parameters)
    pipeline = community1_pipeline(networks, parameters)
    return Stability(
        fixture=fixture.name,
        snapshot_sha256=snapshot_sha256(folder),
        seed=seed,
        mantissa_bits=int(BITS),
        rounding_noise=rounding_noise(snapshot, _solved_as_captured(snapshot, weights), parameters) or None,
        embeddings=perturb_embeddings(pipeline, snapshot, draws=draws, seed=seed),
        fbank=(
            perturb_fbank(pipeline, snapshot, load_inputs(fixture.clip()), draws=min(draws, FBANK_DRAWS), seed=seed)
            if fbank
            else _not_run("not asked for")
        ),
    )


def measure_all(
    fixtures: Iterable[Fixture],
    weights: WeightSet,
    *,
    draws: int = EMBEDDING_DRAWS,
    fbank: bool = True,
    threads: int | None = None,
    on_fixture: Callable[[str], None] | None = None,
    on_result: Callable[[Stability], None] = lambda found: None,
) -> list[Stability]:
    """Measure fixtures one after the other and keep each beside its snapshot as soon as it is known.

    Parameters
    ----------
    draws, fbank : as in `measure`
    threads : of the networks; the cores this process may use by default
    on_fixture : called with each fixture's name before it is measured
    on_result : called with what was found of it, when that is written
    """
    found = []
    with one_blas_thread():
        networks = load_networks(weights, threads)
        for fixture in fixtures:
            if on_fixture:
                on_fixture(fixture.name)
            found.append(measure(fixture, weights, networks, draws=draws, fbank=fbank))
            write_stability(fixture.snapshot_folder, found[-1])
            on_result(found[-1])
    return found


def perturb_embeddings(pipeline: Pipeline, snapshot: Snapshot, *, draws: int, seed: int = SEED) -> Perturbed:
    """Noise on the reference's embeddings of speakers who are active in their chunk; no network runs."""
    if not _speaks(snapshot):
        return _not_run("nobody speaks, there are no embeddings")
    embeddings, segmentations = (_reference(snapshot, name) for name in ("embeddings", "segmentations"))
    active = ~inactive(segmentations)[:, :, None]

    def answer(size: float, draw: int) -> tuple[str, ...]:
        noise = size * active * np.random.default_rng([seed, draw]).uniform(-1, 1, embeddings.shape)
        return _answer(pipeline, snapshot, {"fbank": None, "embeddings": _added(embeddings, noise)})

    before = answer(0.0, 0)
    changed = [_share(answer, before, size, draws) for size in SIZES]
    return Perturbed(draws, SIZES, tuple(changed))


def perturb_fbank(
    pipeline: Pipeline, snapshot: Snapshot, inputs: Mapping[str, Any], *, draws: int, seed: int = SEED
) -> Perturbed:
    """Noise on the native filterbank, each chunk its own, through the embedding network with the reference's masks.

    Sizes fall from the largest to the first that no draw minds; what is smaller is assumed harmless and not run.

    Parameters
    ----------
    inputs : `samples` (channels, n) float32 and their `sample_rate` in Hz
    """
    seconds = inputs["samples"].shape[1] / inputs["sample_rate"]
    if not _speaks(snapshot):
        return _not_run("nobody speaks, no filterbank is computed")
    if seconds >= LONGEST_FBANK:
        return _not_run(f"{seconds:.0f} s of audio, the network runs on clips below {LONGEST_FBANK:.0f} s only")
    quiet = fbank_series(hear(inputs["samples"], inputs["sample_rate"])[1])

    def answer(size: float, draw: int) -> tuple[str, ...]:
        def compute(chunk: int) -> np.ndarray:
            fbank = quiet.compute(chunk)
            return _added(fbank, size * np.random.default_rng([seed, draw, chunk]).uniform(-1, 1, fbank.shape))

        return _answer(pipeline, snapshot, {"fbank": ChunkSeries(quiet.chunks, compute)})

    before = answer(0.0, 0)
    shares: dict[float, float] = {}
    for size in reversed(SIZES):
        shares[size] = _share(answer, before, size, draws)
        if shares[size] == 0:
            break
    why = f"monotone assumed: no draw changed the answer at {size:g}, so smaller sizes were not run"
    changed = tuple(shares.get(size) for size in SIZES)
    return Perturbed(draws, SIZES, changed, why if None in changed else None)


def _solved_as_captured(snapshot: Snapshot, weights: WeightSet) -> Plda:
    """The PLDA solved with the capture's number of BLAS threads: with another, its axes differ by 1e-13."""
    machine = snapshot.manifest.get("machine")
    threads = machine.get("threads") if isinstance(machine, dict) else None
    with threadpool_limits(threads if isinstance(threads, int) and threads > 0 else None, user_api="blas"):
        return solve_plda(weights.plda)


def _speaks(snapshot: Snapshot) -> bool:
    return bool(_reference(snapshot, "count").max(initial=0) > 0)


def _reference(snapshot: Snapshot, name: str) -> Any:
    if name not in snapshot.values:
        raise InputError(f"{snapshot.folder}: holds no {name}, which has to be the reference's own here; capture again")
    return snapshot.values[name]


def _answer(pipeline: Pipeline, snapshot: Snapshot, patches: Mapping[str, Any]) -> tuple[str, ...]:
    """Both RTTM texts of the native stages after what is patched; before it everything is the reference's."""
    upstream = {name: _reference(snapshot, name) for name in ("segmentations", "count", "masks")}
    made = pipeline.run(dict.fromkeys(pipeline.inputs), patches={**dict.fromkeys(BEFORE), **upstream, **patches})
    return tuple(to_rttm(made[name], URI) for name in TEXTS)


def _share(answer: Callable[[float, int], tuple[str, ...]], before: tuple[str, ...], size: float, draws: int) -> float:
    return sum(answer(size, draw) != before for draw in range(draws)) / draws


def _added(values: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return (values + noise).astype(values.dtype)


def _not_run(why: str) -> Perturbed:
    return Perturbed(0, SIZES, (None,) * len(SIZES), why)
