"""Proof by layer: a runtime's embedding network against the reference's own, layer after layer, on the same inputs.

Task: chunks of the reference (`parity.layers.reference`) and a network -> how far each layer of `PROVEN` is, and the
first that is out of tolerance. Every layer comes from the candidate's own layers before it, on the reference's
filterbank and masks. Conventions: drift is the largest absolute difference; where only a sample of the reference is at
hand, the largest over the sample and over the two numbers that stand for the whole layer (largest absolute value, RMS),
none of which can be more than the largest difference of the whole: a lower bound of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from parity.checkout import in_checkout
from parity.errors import InputError, one_line
from parity.fixtures import Fixture, Snapshot
from parity.fixtures.prepare import check_weights
from parity.layers.file import LayerFile
from parity.layers.inside import check_origin, largest_difference
from parity.layers.probes import explain_layer
from parity.layers.reference import PROVEN, ReferenceChunk, ReferenceLayer, chunks_of_file, sizes
from parity.layers.samples import read_samples
from parity.measure.tolerances import ISOLATED, LAYER_SHARE
from parity.ports.python import load_object
from parity.sources import WeightSet
from parity.tables import Tabular


class Network(Protocol):
    """What is under test: `parity.networks.wespeaker.runtime.EmbeddingNetwork`, or anything with its one call."""

    def embed(
        self, fbank: np.ndarray, weights: np.ndarray, layers: Sequence[str] = ()
    ) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
        """See `EmbeddingNetwork.embed`."""


@dataclass(frozen=True)
class LayerProof:
    """One layer, on the chunk where it is furthest from its limit.

    Attributes
    ----------
    layer : its name
    shape : of one chunk's
    compared : values compared on that chunk, of the layer's `prod(shape)`
    chunk : where it is worst
    drift : max abs; infinite where the shape is another or something is not finite
    relative : drift over the largest absolute value of the reference's layer
    limit : of `relative`, or, of the embeddings, of `drift`
    within : whether it is kept on every chunk
    """

    layer: str
    shape: tuple[int, ...]
    compared: int
    chunk: int
    drift: float
    relative: float
    limit: float
    within: bool


@dataclass(frozen=True)
class Proof(Tabular):
    """All layers of one fixture.

    Attributes
    ----------
    chunks : their numbers
    sampled : whether the reference was at hand at a sample of positions only
    layers : in the order in which they are computed
    first_out : name of the first out of tolerance; None where all are within
    looks_like : what explains that one, in words; None where nothing that was tried does
    """

    fixture: str
    chunks: tuple[int, ...]
    sampled: bool
    layers: tuple[LayerProof, ...]
    first_out: str | None = None
    looks_like: str | None = None


def reference_of(
    fixture: Fixture, snapshot: Snapshot, weights: WeightSet, full: LayerFile | None = None
) -> list[ReferenceChunk]:
    """What a fixture's layers are compared with: a full file, or what lies beside its snapshot.

    Raises
    ------
    InputError : it is of another clip or other weights, or there is none
    """
    check_weights(snapshot, weights)
    if full is not None:
        check_origin(full, weights, fixture.clip_sha256, len(snapshot.values["segmentations"]))
        found = chunks_of_file(full)
        said = f"{full.path}: holds no layer of the embedding network: nobody speaks in {fixture.name}"
    else:
        found = read_samples(snapshot) or []
        said = f"{snapshot.folder}: has no layers.npz, the reference's layers; record them: " + in_checkout(
            f"nox -s capture -- --layer-samples --fixture {fixture.name}"
        )
    if not found:
        raise InputError(said)
    return found


def load_network(spec: str, arrays: Mapping[str, np.ndarray], threads: int | None = None) -> Network:
    """A network of the user's own: `module:object`, called with arrays under canonical names and a number of threads.

    Raises
    ------
    InputError : it cannot be loaded, raises, or what it returns has no `embed`
    """
    make = load_object(spec)
    try:
        network = make(arrays, threads)
    except Exception as error:
        said = one_line(error)
        raise InputError(f"--implementation {spec}: raised {type(error).__name__} ({said}) given weights") from error
    if not callable(getattr(network, "embed", None)):
        raise InputError(f"--implementation {spec}: made a {type(network).__name__}, which has no `embed`")
    return network


def prove(
    fixture: str,
    reference: Sequence[ReferenceChunk],
    network: Network,
) -> Proof:
    """Run a network on the reference's chunks and compare every layer.

    Parameters
    ----------
    fixture : its name

    Raises
    ------
    InputError : the network raises, or leaves out a layer that was asked for
    """
    rows: dict[str, list[LayerProof]] = {name: [] for name in PROVEN}
    words: dict[tuple[str, int], str | None] = {}
    for chunk in reference:
        made = _layers(network, chunk)
        for name in PROVEN:
            rows[name].append(_compared(name, chunk, made[name]))
        first = next((name for name in PROVEN if not rows[name][-1].within), None)
        if first:
            words[first, chunk.chunk] = explain_layer(first, made, chunk)
    layers = tuple(max(rows[name], key=_excess) for name in PROVEN)
    first = next((row.layer for row in layers if not row.within), None)
    said = next((text for (name, _), text in words.items() if name == first and text), None)
    sampled = any(layer.positions is not None for layer in reference[0].layers.values())
    return Proof(fixture, tuple(chunk.chunk for chunk in reference), sampled, layers, first, said)


def _layers(network: Network, chunk: ReferenceChunk) -> dict[str, np.ndarray]:
    """The candidate's layers on one chunk, by name."""
    asked = [name for name in PROVEN if name != "embeddings"]
    try:
        embeddings, made = network.embed(chunk.fbank[None], chunk.masks[None], asked)
        found: dict[str, Any] = {**made, "embeddings": embeddings}
        if missing := [name for name in PROVEN if name not in found]:
            raise InputError(f"the network under test leaves out layer {', '.join(missing)}")
        return {name: np.asarray(found[name], dtype=np.float32)[0] for name in PROVEN}
    except InputError:
        raise
    except Exception as error:
        said = one_line(error)
        raise InputError(
            f"the network under test raised {type(error).__name__} on chunk {chunk.chunk}: {said}"
        ) from error


def _compared(name: str, chunk: ReferenceChunk, got: np.ndarray) -> LayerProof:
    reference = chunk.layers[name]
    drift = _drift(reference, got)
    relative = 0.0 if drift == 0 else drift / reference.max_abs if reference.max_abs else float("inf")
    limit = ISOLATED["embeddings"].max_abs if name == "embeddings" else LAYER_SHARE.max_abs
    judged = drift if name == "embeddings" else relative
    return LayerProof(
        name, reference.shape, len(reference.values), chunk.chunk, drift, relative, limit, judged <= limit
    )


def _drift(reference: ReferenceLayer, got: np.ndarray) -> float:
    if got.shape != reference.shape or not np.isfinite(got).all():
        return float("inf")
    largest, rms = sizes(got)
    of_sample = largest_difference(reference.at(got), reference.values)
    return max(of_sample, abs(largest - reference.max_abs), abs(rms - reference.rms))


def _excess(row: LayerProof) -> float:
    return row.drift if row.layer == "embeddings" else row.relative
