"""The reference in float64: its own code and its own weights, from the clip's samples on; see `parity.fixtures.truth`.

Both networks, the resampler and the filterbank are pyannote's and torchaudio's own, run on float64 numbers: modules by
`.double()`, the rest by being given them. What they round themselves stays (the mel bank is made in float32, a
constant like a weight). The post-embedding stages, which are float64 in the reference too, are the native ones.
Masks are the snapshot's: a flipped frame would compare embeddings of other speech.
On an NVIDIA card the two networks alone run there, in float64 too; what is hardly any work, resampler and filterbank,
stays on the CPU, so that a card's truth is the CPU's but for the order of sums in float64.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio import Pipeline
from pyannote.core import Segment

from capture.device import CPU
from capture.layers import checked_snapshot, provenance
from capture.recorder import known_sources
from capture.reference import load_reference
from capture.taps import check_sources
from parity.audio import load_clip
from parity.community1 import Parameters, community1_pipeline, geometry
from parity.community1.networks import without_networks
from parity.community1.plda import solve_plda
from parity.community1.segmentation import to_multilabel
from parity.fixtures import Fixture, Snapshot
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.heard import with_heard
from parity.fixtures.stability import read_stability
from parity.fixtures.truth import TrueArtefact, distance, measured, write_truth
from parity.pipeline import ARTEFACTS, ChunkSeries
from parity.sources import WeightSet

KEPT = (
    *("segmentation_logits", "fbank", "embeddings", "post_xvec", "post_plda"),
    *("q_final", "sp_final", "centroids", "soft_clusters"),
)
"""Artefacts whose truth is kept; of the others only how far it is."""

BEFORE = ("waveform", "chunk_waveforms", "segmentation_logits", "segmentations", "count", "masks", "fbank")
"""What the post-embedding stages take from the reference."""


@dataclass(frozen=True)
class Measured:
    """What `write_truth` writes.

    Attributes
    ----------
    said : `fixture`, `snapshot_sha256`, and how it was made
    artefacts, alone : as in `parity.fixtures.truth.Truth`
    apart : artefact -> truth minus reference in float64, of those that are kept
    """

    said: Mapping[str, Any]
    artefacts: Mapping[str, TrueArtefact]
    alone: Mapping[str, TrueArtefact]
    apart: Mapping[str, np.ndarray]

    def write(self, folder: Path) -> Path:
        """Keep it in a folder; see `write_truth`."""
        return write_truth(folder, self.said, self.artefacts, self.alone, self.apart)


def load_double(weights: WeightSet, device: str = CPU) -> Pipeline:
    """The reference's pipeline with both networks in float64, on a device that has it."""
    pipeline = load_reference(weights.folder, device)
    pipeline._segmentation.model.double()
    pipeline._embedding.model_.double()
    return pipeline


def measure_truth(
    folder: Path,
    pipeline: Pipeline,
    fixture: Fixture,
    weights: WeightSet,
    *,
    device: str = CPU,
    every_chunk: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Run everything in float64, and find how far the reference is from it.

    Parameters
    ----------
    folder : the snapshot's
    pipeline : of `load_double`
    device : that the pipeline is on
    every_chunk : whether all chunks go through the networks (10 s of processor time each), and what comes of them
        through the post-embedding stages; otherwise those whose filterbank the snapshot holds, and these stages alone
    progress : called with chunks done and chunks in all

    Raises
    ------
    InputError : no snapshot, one of another clip or other weights, or another pyannote.audio
    """
    check_sources(known_sources())
    started = time.perf_counter()
    snapshot = checked_snapshot(folder, fixture, weights)
    samples, rate = load_clip(fixture.clip())
    inputs = {"samples": samples, "sample_rate": rate}
    snapshot = with_heard(snapshot, inputs)
    file = {"waveform": torch.from_numpy(samples).double(), "sample_rate": rate}
    waveform = pipeline._segmentation.model.audio(file)[0]
    total = geometry.num_chunks(waveform.shape[1])
    chunks = np.arange(total) if every_chunk else snapshot.chunks["segmentation_logits"]
    truth = _networks(pipeline, snapshot, file, waveform, chunks, progress)
    alone = dict(_alone(pipeline, snapshot))
    if "embeddings" in truth and len(chunks) == total:
        truth |= _after(snapshot, truth["embeddings"], weights, fixture, inputs)
    artefacts = {
        name: measured(name, *_sides(name, truth[name], snapshot, chunks)) for name in ARTEFACTS if name in truth
    }
    kept = [name for name in KEPT if name in artefacts and artefacts[name].scale is not None]
    said = {
        **provenance(fixture, weights, device),
        "snapshot_sha256": snapshot_sha256(folder),
        "command": command(fixture.name, device, every_chunk),
        "seconds": round(time.perf_counter() - started, 1),
        "chunks": [int(chunk) for chunk in chunks],
        "chunks_in_all": int(total),
    }
    return Measured(
        said,
        artefacts,
        {name: measured(name, *_sides(name, value, snapshot, chunks)) for name, value in alone.items()}
        | _rounding(folder),
        {name: distance(name, truth[name], snapshot.values[name]) for name in kept},
    )


def command(name: str, device: str, every_chunk: bool) -> str:
    """The command that measures one fixture's truth."""
    words = ["nox -s capture -- --truth --fixture", name]
    return " ".join(words + ["--device", device] * (device != CPU) + ["--every-chunk"] * every_chunk)


def _networks(
    pipeline: Pipeline,
    snapshot: Snapshot,
    file: Mapping[str, Any],
    waveform: torch.Tensor,
    chunks: np.ndarray,
    progress: Callable[[int, int], None] | None,
) -> dict[str, np.ndarray]:
    """What the networks make of some chunks in float64; rows of all chunks are NaN where they were not run."""
    masks, values = snapshot.values.get("masks"), snapshot.values
    rows: dict[str, dict[int, np.ndarray]] = {}
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of masks with more frames than features, as pyannote does itself
        for done, chunk in enumerate(map(int, chunks), start=1):
            for name, value in _of_chunk(pipeline, file, waveform, chunk, masks):
                if name in values and (name not in snapshot.chunks or chunk in snapshot.chunks[name]):
                    rows.setdefault(name, {})[chunk] = value
            if progress:
                progress(done, len(chunks))
    found = {name: np.stack(list(made.values())) for name, made in rows.items() if name in snapshot.chunks}
    for name in sorted(set(rows) - set(found)):
        found[name] = np.full(values[name].shape, np.nan)
        found[name][list(rows[name])] = np.stack(list(rows[name].values()))
    return found | ({"waveform": waveform.numpy()} if "waveform" in values else {})


def _of_chunk(
    pipeline: Pipeline, file: Mapping[str, Any], waveform: torch.Tensor, chunk: int, masks: np.ndarray | None
) -> Iterator[tuple[str, np.ndarray]]:
    heard = torch.from_numpy(geometry.chunk(waveform.numpy(), chunk))
    logits = _run(pipeline._segmentation.model, heard[None])[0]
    yield "segmentation_logits", logits
    yield "segmentations", to_multilabel(logits)
    if masks is None:
        return
    start = chunk * geometry.STEP_SECONDS
    cropped = pipeline._audio.crop(dict(file), Segment(start, start + geometry.CHUNK_SECONDS), mode="pad")[0]
    yield "chunk_waveforms", cropped.numpy()[0]
    fbank = pipeline._embedding.model_.compute_fbank(cropped[None])
    yield "fbank", fbank.numpy()[0]
    yield "embeddings", _embedded(pipeline, fbank, masks[chunk])


def _embedded(pipeline: Pipeline, fbank: torch.Tensor, masks: np.ndarray) -> np.ndarray:
    weights = torch.from_numpy(masks).double()[None]
    return _run(pipeline._embedding.model_.resnet, fbank, weights=weights)[1][0]


def _run(model: torch.nn.Module, *inputs: torch.Tensor, **named: torch.Tensor) -> Any:
    """What a network makes where its weights are, as NumPy arrays."""
    device = next(model.parameters()).device
    made = model(*(value.to(device) for value in inputs), **{name: value.to(device) for name, value in named.items()})
    return tuple(value.cpu().numpy() for value in made) if isinstance(made, tuple) else made.cpu().numpy()


def _alone(pipeline: Pipeline, snapshot: Snapshot) -> Iterator[tuple[str, np.ndarray]]:
    """Filterbank and embeddings of the recorded chunks on the reference's own inputs.

    Embeddings of other chunks are NaN: the snapshot holds no filterbank of them.
    """
    values, chunks = snapshot.values, snapshot.chunks
    if "fbank" not in values or "embeddings" not in values:
        return
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        yield from _alone_of(pipeline, values, chunks)


def _alone_of(
    pipeline: Pipeline, values: Mapping[str, Any], chunks: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    if "chunk_waveforms" in values and np.array_equal(chunks["chunk_waveforms"], chunks["fbank"]):
        heard = torch.from_numpy(values["chunk_waveforms"]).double()
        yield "fbank", np.stack([pipeline._embedding.model_.compute_fbank(row[None, None])[0].numpy() for row in heard])
    embeddings = np.full(values["embeddings"].shape, np.nan)
    for chunk, fbank in zip(chunks["fbank"], values["fbank"], strict=True):
        embeddings[chunk] = _embedded(pipeline, torch.from_numpy(fbank).double()[None], values["masks"][chunk])
    yield "embeddings", embeddings


def _after(
    snapshot: Snapshot, embeddings: np.ndarray, weights: WeightSet, fixture: Fixture, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """The post-embedding stages on float64 embeddings."""
    native = community1_pipeline(
        without_networks(solve_plda(weights.plda)), Parameters(**weights.parameters, **fixture.speakers)
    )
    nothing = ChunkSeries.recorded(np.zeros(0, np.int64), np.zeros(0))
    patches = {name: snapshot.values.get(name, nothing) for name in BEFORE}
    made = native.run(inputs, patches={**patches, "embeddings": embeddings})
    earlier = {*BEFORE, "embeddings"}
    return {
        name: value
        for name, value in made.items()
        if isinstance(value, np.ndarray) and name in snapshot.values and name not in earlier
    }


def _sides(name: str, truth: np.ndarray, snapshot: Snapshot, chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sides where there is a truth: rows of the chunks that were run, of the dendrogram how far merges are apart.

    Which clusters merge is a decision; how far apart they are is a number.
    """
    reference = snapshot.values[name]
    if name in ("embeddings", "segmentations"):
        run = chunks[np.isfinite(truth[chunks]).any(axis=tuple(range(1, truth.ndim)))]
        return truth[run], reference[run]
    if name == "dendrogram" and truth.shape == reference.shape:
        return truth[:, 2], reference[:, 2]
    return truth, reference


def _rounding(folder: Path) -> dict[str, TrueArtefact]:
    """The post-embedding stages alone against extended precision, of which the largest is known."""
    kept = read_stability(folder)
    noise = (kept.rounding_noise if kept else None) or {}
    return {name: TrueArtefact(largest, None, 0) for name, largest in noise.items()}
