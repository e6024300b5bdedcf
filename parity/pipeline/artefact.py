"""What flows between the stages of a pipeline: dims, dtype, unit, where a snapshot keeps it, how it is compared.

The catalogues below, one a pipeline, are the one place that says so; snapshots, captures, replay and drift all read
them. No name is in two of them. Names of `community-1` are pyannote's own hook names and variables: `C` chunks, `F` =
589 frames per chunk, `S` = 3 local speakers, `T` training embeddings, `K0` speakers VBx starts with, `K` clusters. Of
`rnn-t`: `N` steps, `U` tokens, `V` classes, `L` layers, `H` units of the predictor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

MAY_HOLD_NAN = {"embeddings", "centroids", "soft_clusters"}
"""Artefacts in which a row may be NaN: an embedding of nothing, and what is made of it."""

MAY_BE_INFINITE = {"segmentation_logits"}
"""The logarithm of a probability that is zero."""


class Comparison(Enum):
    """How two values of an artefact are compared."""

    VALUES = "values"
    """element by element, NaN against NaN"""
    LABELS = "labels"
    """equal or not, element by element"""
    PARTITION = "partition"
    """labels up to renaming"""
    AXES = "axes"
    """columns up to sign: eigenvectors have none"""
    DECISIVE = "decisive"
    """log-probabilities: only the gap of the reference's two best classes"""
    TURNS = "turns"
    """RTTM lines"""


@dataclass(frozen=True)
class Artefact:
    """One artefact.

    Attributes
    ----------
    name, stage : its name, and the stage that writes it
    dims, dtype, unit : shape in letters, NumPy dtype, what a number means
    comparison : how two of them are compared
    file, key : where a snapshot keeps it; a `.npy` or `.rttm` file has no key
    by_chunk : whether the first axis is chunks, and a snapshot may hold a subset of them
    """

    name: str
    stage: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    comparison: Comparison
    file: str
    key: str | None = None
    by_chunk: bool = False


def _catalogue() -> tuple[Artefact, ...]:
    values, labels, partition = Comparison.VALUES, Comparison.LABELS, Comparison.PARTITION
    frames, logits = "frames speakers", "segmentation_logits.npz"
    segmentations, plda, vbx = "segmentations.npz", "plda_embeddings.npz", "vbx_state.npz"
    clustering, reconstruction = "clustering.npz", "reconstruction.npz"
    rows = [
        ("waveform", "audio", "1 samples", "float32", "full scale 1.0, 16 kHz", values, "audio.npz"),
        ("chunk_waveforms", "audio", "C 160000", "float32", "full scale 1.0, 16 kHz", values, "audio.npz"),
        ("segmentation_logits", "segmentation", "C F 7", "float32", "log-probability", Comparison.DECISIVE, logits),
        ("segmentations", "segmentation", "C F S", "float32", "0 or 1", labels, segmentations),
        ("count", "speaker_counting", "frames 1", "uint8", "speakers", labels, reconstruction),
        ("masks", "masks", "C S F", "float32", "0 or 1", labels, "masks.npz"),
        ("fbank", "fbank", "C 998 80", "float32", "log-mel energy", values, "fbank.npz"),
        ("embeddings", "embeddings", "C S 256", "float32", "raw, not normalised", values, "raw_embeddings.npz"),
        ("train_chunk_idx", "filter", "T", "int64", "chunk", labels, plda),
        ("train_speaker_idx", "filter", "T", "int64", "local speaker", labels, plda),
        ("post_xvec", "xvec", "T 128", "float64", "norm sqrt(128)", values, plda),
        ("post_plda", "plda", "T 128", "float64", "unit within-class variance", Comparison.AXES, plda),
        ("phi", "plda", "128", "float64", "between-class variance", values, plda),
        ("dendrogram", "ahc", "T-1 4", "float64", "clusters, distance, size", values, "dendrogram.npz"),
        ("ahc_clusters", "ahc", "T", "int64", "cluster", labels, "ahc_init_labels.npy"),
        ("qinit", "vbx", "T K0", "float64", "responsibility", values, vbx),
        ("q_final", "vbx", "T K0", "float64", "responsibility", values, vbx),
        ("sp_final", "vbx", "K0", "float64", "prior", values, vbx),
        ("elbo_trajectory", "vbx", "iterations", "float64", "nats", values, vbx),
        ("kmeans_clusters", "kmeans", "T", "int32", "cluster", partition, clustering),
        ("centroids", "centroids", "K 256", "float64", "raw embedding", values, clustering),
        ("soft_clusters", "scoring", "C S K", "float64", "2 - cosine distance", values, clustering),
        ("hard_clusters", "assignment", "C S", "int8", "cluster, -2 nobody", labels, clustering),
        ("discrete_diarization", "reconstruction", frames, "float32", "0 or 1", labels, reconstruction),
        ("exclusive_discrete_diarization", "reconstruction", frames, "float32", "0 or 1", labels, reconstruction),
    ]  # fmt: skip
    by_chunk = {"chunk_waveforms", "segmentation_logits", "fbank"}
    arrays = [
        Artefact(n, stage, tuple(dims.split()), dtype, unit, how, file, _key(n, file), n in by_chunk)
        for n, stage, dims, dtype, unit, how, file in rows
    ]
    turns = [
        Artefact(n, "annotation", ("turns",), "text", "seconds", Comparison.TURNS, file)
        for n, file in (("diarization", "reference.rttm"), ("exclusive_diarization", "reference_exclusive.rttm"))
    ]
    return (*arrays, *turns)


def _key(name: str, file: str) -> str | None:
    return None if file.endswith(".npy") else name


ARTEFACTS: dict[str, Artefact] = {artefact.name: artefact for artefact in _catalogue()}

HASHES = ("waveform_sha256", "chunk_waveforms_sha256")
"""What a snapshot holds of the two waveforms where they are the clip's own samples (`parity.fixtures.heard`)."""

# Arrays that a snapshot may hold beside the artefacts: what a decision hung on, or what earlier captures carry.
COMPANIONS: dict[str, tuple[str, ...]] = {
    "audio.npz": ("chunks", *HASHES),
    "segmentations.npz": ("segmentation_gap",),
    "segmentation_logits.npz": ("chunks",),
    "fbank.npz": ("chunks",),
    "ahc_state.npz": ("threshold",),
    "vbx_state.npz": ("fa", "fb", "max_iters"),
    "reconstruction.npz": (
        "chunk_start", "chunk_duration", "chunk_step",
        "frame_start", "frame_duration", "frame_step", "min_duration_off",
    ),
}  # fmt: skip


def _steps_catalogue() -> tuple[Artefact, ...]:
    values, labels = Comparison.VALUES, Comparison.LABELS
    rows = [
        ("step_frame", "advance", "N", "int64", "frame", labels),
        ("step_symbols", "advance", "N", "int64", "symbols at the frame so far", labels),
        ("step_token", "advance", "N", "int64", "token before, -1 none", labels),
        ("step_state", "advance", "N 2 L H", "float32", "hidden, cell before", values),
        ("predictor_output", "predictor", "N H", "float32", "hidden of the last layer", values),
        ("predictor_state", "predictor", "N 2 L H", "float32", "hidden, cell after", values),
        ("log_probabilities", "joint", "N V", "float32", "log-probability", values),
        ("chosen", "choose", "N", "int64", "class", labels),
        ("next_frame", "advance", "N", "int64", "frame", labels),
        ("next_symbols", "advance", "N", "int64", "symbols at the frame so far", labels),
        ("next_token", "advance", "N", "int64", "token, -1 none", labels),
        ("next_state", "advance", "N 2 L H", "float32", "hidden, cell kept", values),
        ("tokens", "transcript", "U", "int64", "class", labels),
        ("token_frames", "transcript", "U", "int64", "frame", labels),
    ]
    files = {"transcript": "transcript.npz", "joint": "joint.npz", "choose": "search.npz"}
    return tuple(
        Artefact(n, stage, tuple(dims.split()), dtype, unit, how, _file_of_steps(n, files.get(stage, "search.npz")), n)
        for n, stage, dims, dtype, unit, how in rows
    )


def _file_of_steps(name: str, file: str) -> str:
    return "states.npz" if name.endswith("_state") or name == "predictor_output" else file


STEP_ARTEFACTS: dict[str, Artefact] = {artefact.name: artefact for artefact in _steps_catalogue()}


@dataclass(frozen=True)
class Layout:
    """What snapshots of one pipeline hold.

    Attributes
    ----------
    pipeline : its name; a manifest that names none is of `community-1`
    artefacts, companions : what may lie in its files: artefacts by name, other arrays by file
    reference : what the reference is called, the manifest's key for its version, and the version that is followed
    input_hash : the manifest's key for the hash of what was fed in
    """

    pipeline: str
    artefacts: Mapping[str, Artefact]
    companions: Mapping[str, tuple[str, ...]]
    reference: tuple[str, str, str]
    input_hash: str

    def files(self) -> dict[str, tuple[str, ...]]:
        """Every file that a snapshot may hold, and the array keys inside it (none for `.npy` and `.rttm`)."""
        table: dict[str, list[str]] = {file: list(keys) for file, keys in self.companions.items()}
        for artefact in self.artefacts.values():
            table.setdefault(artefact.file, [])
            if artefact.key:
                table[artefact.file].append(artefact.key)
        return {file: tuple(keys) for file, keys in table.items()}


COMMUNITY1 = Layout(
    "community-1", ARTEFACTS, COMPANIONS, ("pyannote.audio", "pyannote_audio_version", "4.0.4"), "clip_sha256"
)
RNNT = Layout("rnn-t", STEP_ARTEFACTS, {}, ("gigaam", "gigaam_version", "0.1.0"), "encoded_sha256")
LAYOUTS = {layout.pipeline: layout for layout in (COMMUNITY1, RNNT)}
_BY_NAME = {name: artefact for layout in LAYOUTS.values() for name, artefact in layout.artefacts.items()}


def files() -> dict[str, tuple[str, ...]]:
    """Every file that a snapshot of `community-1` may hold, and the array keys inside it."""
    return COMMUNITY1.files()


def find(name: str) -> Artefact:
    """An artefact of any pipeline by its name.

    Raises
    ------
    KeyError : no pipeline has one of that name
    """
    return _BY_NAME[name]
