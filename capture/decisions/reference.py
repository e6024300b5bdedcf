"""What pyannote.audio 4.0.4's own functions answer to a decision case.

No body of a reference function is copied. Where a decision is a line in the middle of a long function
(`VBxClustering.__call__`, `SpeakerDiarization.apply`), that function itself runs, and the names that it looks up on the
way are bound to what the case gives: the recorded `q_final` where it would call `cluster_vbx`, and so on.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from pyannote.audio.pipelines import clustering
from pyannote.audio.pipelines.clustering import VBxClustering
from pyannote.audio.pipelines.speaker_diarization import SpeakerDiarization
from pyannote.audio.pipelines.utils import SpeakerDiarizationMixin
from pyannote.audio.pipelines.utils.diarization import set_num_speakers
from pyannote.audio.utils import vbx
from pyannote.audio.utils.powerset import Powerset
from pyannote.core import SlidingWindow, SlidingWindowFeature

from capture.taps import tapped
from parity.community1 import Parameters, geometry
from parity.community1.masks import MIN_NUM_SAMPLES
from parity.fixtures.decisions import POWERSET, URI

CHUNKS = SlidingWindow(start=0.0, duration=geometry.CHUNK_SECONDS, step=geometry.STEP_SECONDS)
FRAMES = SlidingWindow(start=0.0, duration=geometry.FRAME_SECONDS, step=geometry.FRAME_STEP_SECONDS)

Arrays = Mapping[str, np.ndarray]
Answer = dict[str, Any]


def answer(stage: str, inputs: Arrays, parameters: Parameters) -> Answer:
    """What the reference writes: artefact -> array or RTTM text; empty where it does not run the stage."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of means of nothing, of equal rows in KMeans: these are the cases
        return _ANSWERS[stage](inputs, parameters)


def _chunked(data: np.ndarray) -> SlidingWindowFeature:
    return SlidingWindowFeature(data.copy(), CHUNKS)  # the reference overwrites what it is given


def _powerset(inputs: Arrays, parameters: Parameters) -> Answer:
    logits = torch.from_numpy(inputs["segmentation_logits"])
    return {"segmentations": Powerset(3, 2).to_multilabel(logits).numpy()}


def _speaker_counting(inputs: Arrays, parameters: Parameters) -> Answer:
    count = SpeakerDiarizationMixin.speaker_count(_chunked(inputs["segmentations"]), FRAMES, warm_up=(0.0, 0.0))
    return {"count": count.data}


class _EchoMasks:
    """An embedding network whose embedding is the mask."""

    min_num_samples, sample_rate = MIN_NUM_SAMPLES, geometry.SAMPLE_RATE

    def __call__(self, waveforms: torch.Tensor, masks: torch.Tensor) -> np.ndarray:
        return masks.numpy()


def _masks(inputs: Arrays, parameters: Parameters) -> Answer:
    pipeline = SimpleNamespace(
        training=False,
        embedding_batch_size=3,
        _audio=SimpleNamespace(crop=lambda file, chunk, mode: (torch.zeros(1, 1), geometry.SAMPLE_RATE)),
        _embedding=_EchoMasks(),
    )
    segmentations = _chunked(inputs["segmentations"])
    masks = SpeakerDiarization.get_embeddings(pipeline, {}, segmentations, parameters.exclude_overlap)
    return {"masks": masks}


def _filter(inputs: Arrays, parameters: Parameters) -> Answer:
    _, chunks, speakers = VBxClustering.filter_embeddings(None, inputs["embeddings"], _chunked(inputs["segmentations"]))
    return {"train_chunk_idx": chunks, "train_speaker_idx": speakers}


def _ahc(inputs: Arrays, parameters: Parameters) -> Answer:
    seen: Answer = {}
    with tapped(clustering, "linkage", lambda result, *a, **k: seen.update(dendrogram=result)):
        _cluster(inputs, parameters, seen=seen)
    return {name: seen[name] for name in ("dendrogram", "ahc_clusters")}


def _vbx(inputs: Arrays, parameters: Parameters) -> Answer:
    seen: Answer = {}

    def saw(result: Any, *args: Any, gamma: np.ndarray, **kwargs: Any) -> None:
        seen.update(qinit=gamma, q_final=result[0], sp_final=result[1], elbo_trajectory=np.array(result[2])[:, 0])

    with tapped(vbx, "VBx", saw):
        vbx.cluster_vbx(
            inputs["ahc_clusters"],
            inputs["post_plda"],
            inputs["phi"],
            Fa=parameters.fa,
            Fb=parameters.fb,
            maxIters=parameters.max_iterations,
        )
    return seen


def _kmeans(inputs: Arrays, parameters: Parameters) -> Answer:
    seen: Answer = {}
    with tapped(clustering.KMeans, "fit_predict", lambda result, *a, **k: seen.update(kmeans_clusters=result)):
        _cluster(inputs, parameters)
    return seen


def _centroids(inputs: Arrays, parameters: Parameters) -> Answer:
    _, _, centroids = _cluster(inputs, parameters)
    return {"centroids": centroids}


def _scoring(inputs: Arrays, parameters: Parameters) -> Answer:
    own = clustering.cdist
    given = inputs["centroids"]
    with _bound(clustering, "cdist", lambda rows, _, metric: own(rows, given, metric=metric)):
        _, soft, _ = _cluster(inputs, parameters)
    return {"soft_clusters": soft}


def _assignment(inputs: Arrays, parameters: Parameters) -> Answer:
    given = inputs["soft_clusters"]
    speaking = np.ones((len(given), 1, given.shape[1]), np.float32)  # whom scoring set aside has that score already
    full = {"embeddings": np.ones((*given.shape[:2], 1)), "segmentations": speaking, **inputs}
    with _bound(clustering, "cdist", lambda rows, _, metric: 2 - given.reshape(-1, given.shape[2])):
        hard, _, _ = _cluster(full, parameters)
    return {"hard_clusters": hard}


class _Plda:
    """Stands where nothing reads what it makes: `cluster_vbx` is the case's."""

    phi = np.ones(1)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return np.zeros((len(rows), 1))


def _cluster(inputs: Arrays, parameters: Parameters, seen: Answer | None = None) -> tuple[np.ndarray, ...]:
    """`VBxClustering.__call__` itself, with what the case gives in place of what it would compute on the way."""
    embeddings, count = inputs["embeddings"].copy(), len(inputs["train_chunk_idx"])
    train = (inputs["train_chunk_idx"], inputs.get("train_speaker_idx"))
    if train[1] is None:  # stages that read only how many there are: any whose embeddings are numbers
        train = tuple(np.argwhere(~np.isnan(embeddings).any(axis=2))[:count].T)
    labels, sp = inputs.get("kmeans_clusters"), inputs.get("sp_final")
    # Where a case gives neither priors nor responsibilities, any will do that lead the same way: as many speakers as
    # there are embeddings to cluster; one more than those where KMeans was asked for.
    sp = np.ones(count + (labels is not None)) if sp is None else sp
    q = inputs.get("q_final")
    q = np.eye(count, len(sp)) if q is None else q

    def cluster_vbx(ahc_clusters: np.ndarray, *args: Any, **kwargs: Any) -> tuple[np.ndarray, np.ndarray]:
        if seen is not None:
            seen["ahc_clusters"] = ahc_clusters
        return q, sp

    asked = VBxClustering(_Plda())
    asked.instantiate({"threshold": parameters.threshold, "Fa": parameters.fa, "Fb": parameters.fb})
    asked.filter_embeddings = lambda embeddings, segmentations: (embeddings[train], *train)
    segmentations = inputs.get("segmentations", np.ones((*embeddings.shape[:1], 1, 3), np.float32))
    number, low, high = set_num_speakers(parameters.num_speakers, parameters.min_speakers, parameters.max_speakers)
    if labels is not None and number is None:
        number = int(labels.max()) + 1  # what was imposed is the case's to say; here only that something was
    with contextlib.ExitStack() as stack:
        stack.enter_context(_bound(clustering, "cluster_vbx", cluster_vbx))
        if labels is not None:
            kmeans = SimpleNamespace(fit_predict=lambda rows: labels)
            stack.enter_context(_bound(clustering, "KMeans", lambda **options: kmeans))
        bounds = {"num_clusters": number, "min_clusters": low, "max_clusters": high}
        return asked(embeddings, _chunked(segmentations), **bounds)


@contextlib.contextmanager
def _bound(module: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


class _Pipeline:
    """What `SpeakerDiarization.apply` asks of itself: the case's arrays up to a stage, its own methods from there."""

    _expects_num_speakers, legacy, embedding_exclude_overlap = False, False, True
    reconstruct = SpeakerDiarization.reconstruct
    to_diarization = staticmethod(SpeakerDiarization.to_diarization)
    to_annotation = staticmethod(SpeakerDiarization.to_annotation)
    classes = SpeakerDiarization.classes

    def __init__(self, segmentations: np.ndarray, count: np.ndarray, hard: np.ndarray, p: Parameters) -> None:
        self._given = segmentations, count, hard
        specifications = SimpleNamespace(powerset=True)
        model = SimpleNamespace(specifications=specifications, receptive_field=FRAMES)
        self._segmentation, self._embedding = SimpleNamespace(model=model), SimpleNamespace(dimension=1)
        self.segmentation = SimpleNamespace(min_duration_off=p.min_duration_off)

    def setup_hook(self, file: Any, hook: Any) -> Callable[..., None]:
        return lambda *args, **kwargs: None

    def get_segmentations(self, file: Any, hook: Any) -> SlidingWindowFeature:
        return _chunked(self._given[0])

    def speaker_count(self, *args: Any, **kwargs: Any) -> SlidingWindowFeature:
        return SlidingWindowFeature(self._given[1].copy(), FRAMES)

    def get_embeddings(self, *args: Any, **kwargs: Any) -> None:
        return None

    def clustering(self, **kwargs: Any) -> tuple[np.ndarray, None, np.ndarray]:
        return self._given[2].copy(), None, np.zeros((128, 1))

    def apply(self, parameters: Parameters) -> Any:
        bounds = {name: getattr(parameters, name) for name in ("num_speakers", "min_speakers", "max_speakers")}
        return SpeakerDiarization.apply(self, {"uri": URI}, **bounds)


def _reconstruction(inputs: Arrays, parameters: Parameters) -> Answer:
    made: list[np.ndarray] = []
    pipeline = _Pipeline(inputs["segmentations"], inputs["count"], inputs["hard_clusters"], parameters)
    with tapped(pipeline, "reconstruct", lambda result, *args: made.append(np.array(result.data))):
        pipeline.apply(parameters)
    return dict(zip(("discrete_diarization", "exclusive_discrete_diarization"), made, strict=True))


def _annotation(inputs: Arrays, parameters: Parameters) -> Answer:
    names = ("discrete_diarization", "exclusive_discrete_diarization")
    given = [inputs[name] for name in names if name in inputs]
    nobody = not given
    count = np.full((1, 1), 0 if nobody else 1, np.uint8)
    pipeline = _Pipeline(np.zeros((1, 1, 1)), count, np.zeros((1, 1), np.int8), parameters)
    left = iter(given)
    with _bound(pipeline, "reconstruct", lambda *args: SlidingWindowFeature(next(left).copy(), FRAMES)):
        output = pipeline.apply(parameters)
    plain, exclusive = output.speaker_diarization, output.exclusive_speaker_diarization
    return {"diarization": plain.to_rttm(), "exclusive_diarization": exclusive.to_rttm()}


_ANSWERS: dict[str, Callable[[Arrays, Parameters], Answer]] = {
    POWERSET: _powerset,
    "speaker_counting": _speaker_counting,
    "masks": _masks,
    "filter": _filter,
    "ahc": _ahc,
    "vbx": _vbx,
    "kmeans": _kmeans,
    "centroids": _centroids,
    "scoring": _scoring,
    "assignment": _assignment,
    "reconstruction": _reconstruction,
    "annotation": _annotation,
}
