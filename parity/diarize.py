"""The reimplementation on its own: an audio file, or a waveform, to speaker turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from parity.answers.diarization import Diarization as Diarization
from parity.answers.diarization import later
from parity.audio.loudness import energy
from parity.audio.part import Part
from parity.audio.reading import SAMPLE_RATE
from parity.audio.recording import Audio, Recording, recording_of
from parity.community1 import Parameters, community1_pipeline
from parity.community1.annotation import speaker_names
from parity.community1.in_batches import embed_batches
from parity.community1.networks import build_networks
from parity.community1.parameters import Bounds
from parity.community1.segmentation import segment
from parity.community1.spoken import embed_spoken
from parity.errors import InputError
from parity.networks.placement import CPU, FLOAT32, Placement
from parity.networks.runtime import available_cores, checked_threads, one_blas_thread
from parity.networks.wespeaker.architecture import EMBEDDING_DIM
from parity.networks.wespeaker.choice import check_choice, choose_runtime
from parity.networks.wespeaker.runtime import AUTO, RUNTIMES
from parity.pipeline.stage import Artefacts, Pipeline
from parity.sources.weights import DEFAULT_SOURCE, WeightSet, load_weights

Progress = Callable[[str, int, int], None]


def diarize(
    audio: Audio,
    *,
    sample_rate: int = SAMPLE_RATE,
    start: float | None = None,
    end: float | None = None,
    channel: int | None = None,
    weights: WeightSet | str | Path = DEFAULT_SOURCE,
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    artefacts: Iterable[str] = (),
    threads: int | None = None,
    runtime: str = AUTO,
    device: str = CPU,
    precision: str = FLOAT32,
    progress: Progress | None = None,
) -> Diarization:
    """Who speaks when in one recording; for several, make a `Diarizer` once.

    Parameters
    ----------
    audio : a file of any rate and channels (what libsndfile reads, and with the extra `media` what FFmpeg reads), a
        stream of such bytes, or samples, (n,) or (channels, n), float32 or float64 (rounded to float32), full scale at
        1.0
    sample_rate : of samples, in Hz; a file says its own
    start, end : seconds; the part that is heard, as if there were no more of it; turns are in the whole's seconds
    channel : counted from 0; the mean of all of them by default
    weights, threads, runtime, device, precision : see `Diarizer`
    num_speakers, min_speakers, max_speakers : where they are known
    artefacts : names of artefacts to return, see `parity.pipeline.artefact`
    progress : called with the stage's name, chunks done and chunks in all

    Returns
    -------
    diarization : turns in seconds, `rttm(uri)`, `to_annotation()`, one embedding for each speaker

    Raises
    ------
    InputError : not audio, empty, not finite, too short; impossible bounds; an unknown artefact, runtime or device
    """
    bounds: Bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
    check_bounds(**bounds)
    with recording_of(audio, sample_rate, Part(start, end, channel)) as recording:
        # Whether it can be read is said before weights are loaded.
        diarizer = Diarizer(weights, threads=threads, runtime=runtime, device=device, precision=precision)
        return diarizer._run(recording, bounds, tuple(artefacts), progress)


class Diarizer:
    """The pipeline with its networks loaded, for any number of recordings.

    It leaves out work that cannot change the answer: chunks in which nobody speaks are not embedded, and the trunk sees
    no more of a chunk than reaches the frames that are pooled. Chunks are worked on side by side, one per core. On a
    GPU chunks go whole, as many at once as its memory takes, and the cores make filterbanks meanwhile.

    Parameters
    ----------
    weights : a weight set, or the name of its source
    threads : chunks at once, or threads of the networks where a runtime takes one call at a time; the cores this
        process may use by default
    runtime : of the embedding network, see `parity.networks.wespeaker.runtime.RUNTIMES`; `auto` is the fastest here
    device : `cpu`, `cuda`, or one of several as in `cuda:1`
    precision : of the embedding network on a GPU, one of `parity.networks.placement.PRECISIONS`; less than float32
        only where it is asked for

    Attributes
    ----------
    weights, runtime, placement : the set loaded; the runtime's name, never `auto`; device and precision
    workers : chunks at once, or filterbanks at once beside a GPU

    Raises
    ------
    InputError : the weights cannot be had, an unknown runtime, a device that is not there, or too many threads
    """

    def __init__(
        self,
        weights: WeightSet | str | Path = DEFAULT_SOURCE,
        *,
        threads: int | None = None,
        runtime: str = AUTO,
        device: str = CPU,
        precision: str = FLOAT32,
    ) -> None:
        self.placement = Placement(device, precision)
        check_choice(runtime, self.placement)
        self.weights = weights if isinstance(weights, WeightSet) else load_weights(weights)
        cores = checked_threads(threads or available_cores())
        self.runtime = choose_runtime(runtime, self.weights.embedding, self.placement)
        self.workers = cores if RUNTIMES[self.runtime].concurrent or not self.placement.on_cpu else 1
        self._networks = build_networks(
            self.weights.segmentation,
            self.weights.embedding,
            self.weights.plda,
            cores // self.workers,
            self.runtime,
            self.placement,
        )

    def __call__(
        self,
        audio: Audio,
        *,
        sample_rate: int = SAMPLE_RATE,
        start: float | None = None,
        end: float | None = None,
        channel: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        artefacts: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> Diarization:
        """See `diarize`."""
        bounds: Bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
        check_bounds(**bounds)
        with recording_of(audio, sample_rate, Part(start, end, channel)) as recording:
            return self._run(recording, bounds, tuple(artefacts), progress)

    def _run(
        self, recording: Recording, bounds: Bounds, wanted: tuple[str, ...], progress: Progress | None
    ) -> Diarization:
        """All of it, on samples and bounds that were checked: `diarize` checks them before it loads anything."""
        pipeline = self._pipeline(Parameters(**self.weights.parameters, **bounds), wanted, progress)
        clock = StageClock()
        with one_blas_thread():
            made = clock.run(pipeline, {"samples": recording.samples, "sample_rate": recording.sample_rate})
        speakers, waveform = _speakers(made), made["waveform"]
        return Diarization(
            turns=later(made["diarization"], recording.start_seconds),
            exclusive_turns=later(made["exclusive_diarization"], recording.start_seconds),
            speakers=tuple(speakers),
            embeddings=_padded_centroids(made, speakers.values()),
            audio_seconds=waveform.shape[1] / SAMPLE_RATE,
            start_seconds=recording.start_seconds,
            remarks=recording.remarks(),
            energy=energy(waveform, SAMPLE_RATE),
            weights=self.weights.name,
            runtime=self.runtime,
            artefacts={name: made.get(name) for name in wanted},
            seconds=clock.seconds,
        )

    def _pipeline(self, parameters: Parameters, wanted: tuple[str, ...], progress: Progress | None) -> Pipeline:
        networks, workers = self._networks, self.workers
        tell = {name: partial(progress, name) if progress else None for name in ("segmentation", "embeddings")}
        spared: dict[str, Callable[..., Any]] = {
            "segmentation": partial(
                segment,
                network=networks.segmentation,
                workers=workers if networks.batch is None else 1,
                batch=networks.batch,
                keep_logits="segmentation_logits" in wanted,
                progress=tell["segmentation"],
            ),
            "embeddings": partial(self._embedding(), workers=workers, progress=tell["embeddings"]),
        }
        pipeline = community1_pipeline(networks, parameters)
        _check_known(wanted, pipeline)
        for name, run in spared.items():
            pipeline = pipeline.replacing(name, run)
        return pipeline

    def _embedding(self) -> partial[np.ndarray]:
        networks = self._networks
        if networks.whole is not None and networks.batch is not None:
            return partial(embed_batches, whole=networks.whole, batch=networks.batch)
        return partial(embed_spoken, trunk=networks.trunk, head=networks.head)


class StageClock:
    """Seconds of each stage of a run, by the wall.

    The filterbank is computed chunk by chunk when embeddings ask for it, and is a part of their seconds.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: tuple[str, float] | None = None

    def run(self, pipeline: Pipeline, inputs: Artefacts) -> Artefacts:
        """Run a pipeline; what it made."""
        made = pipeline.run(inputs, on_stage=self._begin)
        self._end()
        return made

    def _begin(self, stage: str) -> None:
        self._end()
        self._running = stage, time.perf_counter()

    def _end(self) -> None:
        if self._running:
            stage, started = self._running
            self.seconds[stage] = time.perf_counter() - started


def _check_known(wanted: tuple[str, ...], pipeline: Pipeline) -> None:
    known = {name for stage in pipeline for name in stage.writes}
    if unknown := [name for name in wanted if name not in known]:
        raise InputError(f"unknown artefact {', '.join(unknown)}; known: {', '.join(sorted(known))}")


def check_bounds(
    num_speakers: int | None = None, min_speakers: int | None = None, max_speakers: int | None = None
) -> None:
    """Refuse numbers of speakers that cannot be meant.

    The reference lets a given number overrule bounds that contradict it; here that is somebody's mistake.

    Raises
    ------
    InputError : out of range, or contradicting one another
    """
    Parameters(num_speakers=num_speakers, min_speakers=min_speakers, max_speakers=max_speakers)
    if num_speakers is None:
        return
    if min_speakers is not None and num_speakers < min_speakers:
        raise InputError(f"num_speakers={num_speakers} is below min_speakers={min_speakers}; give one of them")
    if max_speakers is not None and num_speakers > max_speakers:
        raise InputError(f"num_speakers={num_speakers} is above max_speakers={max_speakers}; give one of them")


def _speakers(made: dict[str, Any]) -> dict[str, int]:
    """Names of those who speak, and their clusters, in the order of the names."""
    discrete = made.get("discrete_diarization")
    if discrete is None:
        return {}
    named = speaker_names({int(index) for index in np.flatnonzero(discrete.any(axis=0))})
    present = {turn.speaker for turn in made["diarization"]}
    return {name: number for number, name in named.items() if name in present}


def _padded_centroids(made: dict[str, Any], clusters: Iterable[int]) -> np.ndarray:
    """The centroids of some clusters, (n, 256) float64; zeros for one that only the count asked for."""
    centroids, chosen = made.get("centroids"), list(clusters)
    if centroids is None or not chosen:
        return np.zeros((0, EMBEDDING_DIM))
    padded = np.zeros((max([len(centroids), *(number + 1 for number in chosen)]), centroids.shape[1]))
    padded[: len(centroids)] = centroids
    return padded[chosen]
