"""The `speaker-diarization-community-1` pipeline without torch and without pyannote.audio.

One module a stage; this one is the table of contents. Source of the whole: `SpeakerDiarization.apply` in
pyannote/audio/pipelines/speaker_diarization.py at tag 4.0.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import numpy as np

from parity.community1.ahc import cluster_ahc
from parity.community1.annotation import annotate
from parity.community1.assignment import assign
from parity.community1.audio import hear
from parity.community1.centroids import compute_centroids, surviving
from parity.community1.embeddings import embed
from parity.community1.fbank import fbank_series
from parity.community1.filtering import filter_embeddings
from parity.community1.kmeans import cluster_kmeans
from parity.community1.masks import build_masks
from parity.community1.networks import Networks
from parity.community1.parameters import Parameters
from parity.community1.plda import to_plda, to_xvec
from parity.community1.reconstruction import reconstruct
from parity.community1.scoring import score
from parity.community1.segmentation import segment
from parity.community1.speaker_counting import count_speakers
from parity.community1.vbx import cluster_vbx
from parity.pipeline.stage import Condition, Pipeline, Stage

__all__ = ["Networks", "Parameters", "community1_pipeline"]

Progress = Callable[[str, int, int], None]

INPUTS = ("samples", "sample_rate")
TRAINING = ("train_chunk_idx", "train_speaker_idx")


def community1_pipeline(networks: Networks, parameters: Parameters, progress: Progress | None = None) -> Pipeline:
    """The pipeline as a graph of stages; its inputs are `samples` (channels, n) float32 and their `sample_rate` in Hz.

    Parameters
    ----------
    networks : what the stages run
    parameters : hyper-parameters and bounds on the number of speakers
    progress : called with the stage's name, chunks done and chunks in all

    Returns
    -------
    pipeline : `run({"samples": …, "sample_rate": …})` gives every artefact by name, `pipeline["ahc"].run` is one
        stage's function; shapes and dtypes are in `parity.pipeline.artefact`

    Raises
    ------
    InputError : when it runs: an artefact that does not fit a stage
    """
    p, n = parameters, networks
    _, max_speakers = p.speaker_bounds
    tell = {name: partial(progress, name) if progress else None for name in ("segmentation", "embeddings")}

    someone_speaks = Condition(("count",), lambda count: count.max() > 0)
    enough_to_cluster = Condition(("train_chunk_idx",), lambda chunks: len(chunks) >= 2)
    count_is_forced = Condition(("sp_final",), lambda sp: p.forced_count(surviving(sp, p.survival).sum()) is not None)

    def forced_kmeans(sp_final: np.ndarray, *training: np.ndarray) -> np.ndarray:
        imposed = p.forced_count(surviving(sp_final, p.survival).sum())
        assert imposed is not None  # the stage's condition
        return cluster_kmeans(*training, num_clusters=imposed)

    stages = Pipeline(
        "community-1",
        INPUTS,
        [
            Stage("audio", INPUTS, ("waveform", "chunk_waveforms"), partial(hear, step=p.chunk_step)),
            Stage(
                "segmentation",
                ("waveform",),
                ("segmentation_logits", "segmentations"),
                partial(
                    segment, network=n.segmentation, batch=n.batch, step=p.chunk_step, progress=tell["segmentation"]
                ),
            ),
            Stage(
                "speaker_counting",
                ("segmentations",),
                ("count",),
                partial(count_speakers, threshold=p.count_threshold, step=p.chunk_step),
            ),
            Stage(
                "masks",
                ("segmentations",),
                ("masks",),
                partial(build_masks, exclude_overlap=p.exclude_overlap),
                someone_speaks,
            ),
            Stage("fbank", ("chunk_waveforms",), ("fbank",), fbank_series, someone_speaks),
            Stage(
                "embeddings",
                ("fbank", "masks"),
                ("embeddings",),
                partial(embed, trunk=n.trunk, head=n.head, batch=n.batch, progress=tell["embeddings"]),
                someone_speaks,
            ),
            Stage(
                "filter",
                ("embeddings", "segmentations"),
                TRAINING,
                partial(filter_embeddings, min_active_ratio=p.min_active_ratio),
                someone_speaks,
            ),
            Stage(
                "xvec",
                ("embeddings", *TRAINING),
                ("post_xvec",),
                partial(to_xvec, plda=n.plda),
                enough_to_cluster,
            ),
            Stage("plda", ("post_xvec",), ("post_plda", "phi"), partial(to_plda, plda=n.plda), enough_to_cluster),
            Stage(
                "ahc",
                ("embeddings", *TRAINING),
                ("dendrogram", "ahc_clusters"),
                partial(cluster_ahc, threshold=p.threshold),
                enough_to_cluster,
            ),
            Stage(
                "vbx",
                ("post_plda", "phi", "ahc_clusters"),
                ("qinit", "q_final", "sp_final", "elbo_trajectory"),
                partial(
                    cluster_vbx,
                    fa=p.fa,
                    fb=p.fb,
                    max_iterations=p.max_iterations,
                    smoothing=p.init_smoothing,
                    stop_below=p.stop_below,
                ),
                enough_to_cluster,
            ),
            Stage(
                "kmeans",
                ("sp_final", "embeddings", *TRAINING),
                ("kmeans_clusters",),
                forced_kmeans,
                count_is_forced,
            ),
            Stage(
                "centroids",
                ("embeddings", *TRAINING, "q_final", "sp_final", "kmeans_clusters"),
                ("centroids",),
                partial(compute_centroids, forced_count=p.forced_count, survival=p.survival),
                someone_speaks,
            ),
            Stage(
                "scoring",
                ("embeddings", "centroids", "segmentations", "train_chunk_idx", "kmeans_clusters"),
                ("soft_clusters",),
                score,
                someone_speaks,
                gates=("train_chunk_idx",),
            ),
            Stage(
                "assignment",
                ("soft_clusters", "train_chunk_idx", "kmeans_clusters"),
                ("hard_clusters",),
                assign,
                someone_speaks,
                gates=("train_chunk_idx",),
            ),
            Stage(
                "reconstruction",
                ("segmentations", "hard_clusters", "count"),
                ("discrete_diarization", "exclusive_discrete_diarization"),
                partial(reconstruct, max_speakers=max_speakers, step=p.chunk_step),
                someone_speaks,
            ),
            Stage(
                "annotation",
                ("discrete_diarization", "exclusive_discrete_diarization"),
                ("diarization", "exclusive_diarization"),
                partial(annotate, min_duration_off=p.min_duration_off),
            ),
        ],
        asdict(p),
    )
    for name, around in n.around.items():
        stages = stages.replacing(name, around(stages[name].run))
    return stages
