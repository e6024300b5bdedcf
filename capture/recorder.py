"""Which functions of pyannote.audio are tapped, and which artefact each of them shows.

Written against 4.0.4; `sources.json` says which functions of which other versions were read and found to show the same.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pyannote.audio.core.io import Audio
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.audio.pipelines import clustering
from pyannote.audio.pipelines.clustering import BaseClustering, VBxClustering
from pyannote.audio.pipelines.speaker_diarization import SpeakerDiarization
from pyannote.audio.pipelines.speaker_verification import PyannoteAudioPretrainedSpeakerEmbedding
from pyannote.audio.utils import vbx
from sklearn.cluster import KMeans

from capture.taps import all_tapped, check_sources

HEAVY_CHUNKS = 3  # of waveforms, fbank and segmentation logits, evenly spaced, so that fixtures/ stays under 20 MB
SOURCES = Path(__file__).with_name("sources.json")


def known_sources() -> dict[str, dict[str, str]]:
    """Every function that a tap depends on -> sha256 of its source -> the versions that have it so."""
    return json.loads(SOURCES.read_text(encoding="utf-8"))


def heavy_chunks(total: int, wanted: int = HEAVY_CHUNKS) -> np.ndarray:
    """The chunks of which heavy artefacts are kept: first, last, and evenly between; (n,) int64."""
    return np.unique(np.linspace(0, total - 1, min(wanted, total)).round().astype(np.int64))


class Recorder:
    """Collects the artefacts of one run.

    Parameters
    ----------
    num_chunks : of the clip
    progress : called with the stage's name, steps done and steps in all

    Attributes
    ----------
    values : artefact -> array, each copied when it was seen
    """

    def __init__(self, num_chunks: int, progress: Callable[[str, int, int], None] | None = None) -> None:
        self.values: dict[str, np.ndarray] = {}
        self.heavy = heavy_chunks(num_chunks)
        self._progress = progress
        self._logits: list[np.ndarray] = []
        self._masks: list[np.ndarray] = []
        self._chunks: dict[int, np.ndarray] = {}
        self._cropped = 0
        self._fbank: dict[int, np.ndarray] = {}
        self._rows = 0
        self._embedding = False

    @contextmanager
    def watching(self, pipeline: SpeakerDiarization) -> Iterator[None]:
        """Tap everything while the body runs the pipeline.

        Raises
        ------
        InputError : a tapped function is not the one this was written against
        """
        check_sources(known_sources())
        # Found by running the network on noise; computed before it is watched, so that noise is not recorded.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of one-frame noise, which has no deviation
            _ = pipeline._embedding.min_num_samples
        handle = pipeline._segmentation.model.register_forward_hook(self._saw_logits)
        taps: list[tuple[Any, str, Callable[..., None]]] = [
            (Audio, "__call__", self._saw_waveform),
            (Audio, "crop", self._saw_chunk),
            (BaseWeSpeakerResNet, "compute_fbank", self._saw_fbank),
            (PyannoteAudioPretrainedSpeakerEmbedding, "__call__", self._saw_masks),
            (BaseClustering, "filter_embeddings", self._saw_filter),
            (pipeline._plda, "_xvec_tf", self._saw_xvec),
            (pipeline._plda, "_plda_tf", self._saw_plda),
            (clustering, "linkage", self._saw_linkage),
            (clustering, "cluster_vbx", self._saw_ahc),
            (vbx, "VBx", self._saw_vbx),
            (KMeans, "fit_predict", self._saw_kmeans),
            (VBxClustering, "__call__", self._saw_clustering),
            (SpeakerDiarization, "reconstruct", self._saw_reconstruction),
        ]
        try:
            with all_tapped(taps):
                yield
        finally:
            handle.remove()
        self._finish()

    def hook(self, step: str, artefact: Any, *, file: Any = None, total: int = 0, completed: int = 0) -> None:
        """pyannote's own hook: finished steps are recorded, the others are progress."""
        del file
        if total:
            if self._progress:
                self._progress(step, completed, total)
            return
        names = {"segmentation": "segmentations", "speaker_counting": "count", "embeddings": "embeddings"}
        if artefact is not None and step in names:
            self._keep(names[step], getattr(artefact, "data", artefact))

    def _keep(self, name: str, value: Any) -> None:
        self.values[name] = np.array(value)

    def _saw_waveform(self, result: Any, *args: Any, **kwargs: Any) -> None:
        self._keep("waveform", result[0].detach().cpu().numpy())

    def _saw_chunk(self, result: Any, *args: Any, **kwargs: Any) -> None:
        # The embedding network's, one per chunk in order; segmentation cuts its chunks from the whole waveform.
        if self._cropped in self.heavy:
            self._chunks[self._cropped] = result[0].detach().cpu().numpy()[0].copy()
        self._cropped += 1

    def _saw_logits(self, module: Any, inputs: Any, output: Any) -> None:
        self._logits.append(output.detach().cpu().numpy().copy())

    def _saw_fbank(self, result: Any, *args: Any, **kwargs: Any) -> None:
        # Rows come in the order of (chunk, speaker); the three rows of a chunk are equal, the first is kept.
        for row, features in enumerate(result.detach().cpu().numpy(), start=self._rows):
            if row % 3 == 0 and row // 3 in self.heavy:
                self._fbank[row // 3] = features.copy()
        self._rows += len(result)

    def _saw_masks(self, result: Any, instance: Any, waveforms: Any, masks: Any = None) -> None:
        self._masks.append(masks.detach().cpu().numpy().copy())

    def _saw_filter(self, result: Any, *args: Any, **kwargs: Any) -> None:
        _, chunk_idx, speaker_idx = result
        self._keep("train_chunk_idx", chunk_idx)
        self._keep("train_speaker_idx", speaker_idx)

    def _saw_xvec(self, result: Any, *args: Any, **kwargs: Any) -> None:
        self._keep("post_xvec", result)

    def _saw_plda(self, result: Any, *args: Any, **kwargs: Any) -> None:
        self._keep("post_plda", result)

    def _saw_linkage(self, result: Any, *args: Any, **kwargs: Any) -> None:
        self._keep("dendrogram", result)

    def _saw_ahc(self, result: Any, ahc_init: Any, fea: Any, phi: Any, **kwargs: Any) -> None:
        self._keep("ahc_clusters", ahc_init)
        self._keep("phi", phi)

    def _saw_vbx(self, result: Any, *args: Any, gamma: Any, **kwargs: Any) -> None:
        responsibilities, priors, elbo, *_ = result
        self._keep("qinit", gamma)
        self._keep("q_final", responsibilities)
        self._keep("sp_final", priors)
        self._keep("elbo_trajectory", np.array(elbo)[:, 0])

    def _saw_kmeans(self, result: Any, *args: Any, **kwargs: Any) -> None:
        self._keep("kmeans_clusters", result)

    def _saw_clustering(self, result: Any, *args: Any, **kwargs: Any) -> None:
        for name, value in zip(("hard_clusters", "soft_clusters", "centroids"), result, strict=True):
            self._keep(name, value)

    def _saw_reconstruction(self, result: Any, *args: Any, **kwargs: Any) -> None:
        # `apply` reconstructs twice: the plain diarization, then the exclusive one.
        plain = "discrete_diarization"
        self._keep(f"exclusive_{plain}" if plain in self.values else plain, result.data)

    def _finish(self) -> None:
        logits = np.concatenate(self._logits)
        best = np.sort(logits, axis=-1)
        self.values["segmentation_gap"] = best[..., -1] - best[..., -2]
        self.values["segmentation_logits"] = logits[self.heavy]
        if self._masks:
            masks = np.concatenate(self._masks)
            self.values["masks"] = masks.reshape(-1, 3, masks.shape[-1])
        if self._chunks:
            self.values["chunk_waveforms"] = np.stack([self._chunks[int(chunk)] for chunk in self.heavy])
        if self._fbank:
            self.values["fbank"] = np.stack([self._fbank[int(chunk)] for chunk in self.heavy])
