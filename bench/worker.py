"""One side of a benchmark: a process of its own that runs clips on request and says how long each took.

Protocol: one fixture's name per line on standard input; one line of JSON on standard output for each. Models are loaded
before the first answer, and peak memory is the process's own and of that clip, so that neither side pays for the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bench.memory import forget_peak, peak_mb
from parity.community1 import Parameters, community1_pipeline
from parity.community1.annotation import to_rttm
from parity.community1.networks import build_networks
from parity.diarize import Diarizer, StageClock
from parity.fixtures import read_snapshot
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.fixtures.heard import with_heard
from parity.fixtures.prepare import load_inputs
from parity.networks.runtime import one_blas_thread
from parity.replay import replay
from parity.replay.outcome import TEXTS, URI
from parity.sources import load_weights

Answer = dict[str, object]
Inputs = Mapping[str, Any]
Run = Callable[[Fixture, Inputs], Answer]

PYANNOTE, PLAIN, REPLAY = "pyannote", "plain", "replay"


def diarize_side(runtime: str, threads: int) -> Run:
    """`parity diarize` with a runtime."""
    diarizer = Diarizer(runtime=runtime, threads=threads)

    def run(fixture: Fixture, inputs: Inputs) -> Answer:
        found = diarizer(inputs["samples"], sample_rate=inputs["sample_rate"], **fixture.speakers)
        return {"rttm": [found.rttm(URI, exclusive=exclusive) for exclusive in (False, True)], "stages": found.seconds}

    return run


def plain_side(threads: int) -> Run:
    """Every stage on every chunk in ONNX Runtime, networks on all threads: `diarize` before it left work out."""
    networks, parameters = _native(threads)

    def run(fixture: Fixture, inputs: Inputs) -> Answer:
        clock = StageClock()
        with one_blas_thread():
            made = clock.run(community1_pipeline(networks, parameters(fixture)), inputs)
        return {"rttm": [to_rttm(made[text], URI) for text in TEXTS], "stages": clock.seconds}

    return run


def replay_side(threads: int) -> Run:
    """The whole replay of a fixture, isolated replays and comparisons included."""
    networks, parameters = _native(threads)

    def run(fixture: Fixture, inputs: Inputs) -> Answer:
        made: dict = {}
        pipeline, snapshot = community1_pipeline(networks, parameters(fixture)), read_snapshot(fixture.snapshot_folder)
        outcome = replay(pipeline, with_heard(snapshot, inputs), inputs, on_made=made.update)
        return {"rttm": [to_rttm(made[text], URI) for text in TEXTS], "stages": outcome.stage_seconds}

    return run


def pyannote_side(threads: int) -> Run:
    """pyannote.audio 4.0.4, untapped."""
    from capture.environment import mend_torchaudio, silence_torchcodec

    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.reference import load_reference, run_reference

    torch.set_num_threads(threads)
    pipeline = load_reference(load_weights().folder)

    def run(fixture: Fixture, inputs: Inputs) -> Answer:
        found = run_reference(pipeline, **inputs, uri=URI, speakers=fixture.speakers, tapped=False)
        return {"rttm": [found.diarization, found.exclusive_diarization]}

    return run


def _native(threads: int) -> tuple[object, Callable[[Fixture], Parameters]]:
    weights = load_weights()
    networks = build_networks(weights.segmentation, weights.embedding, weights.plda, threads)
    return networks, lambda fixture: Parameters(**weights.parameters, **fixture.speakers)


def make_side(name: str, threads: int) -> Run:
    """A side by its name: `pyannote`, `plain`, `replay`, or a runtime of the embedding network."""
    sides = {PYANNOTE: pyannote_side, PLAIN: plain_side, REPLAY: replay_side}
    return sides.get(name, partial(diarize_side, name))(threads)


def answer(run: Run, fixture: Fixture) -> Answer:
    """Run one clip: `rttm` plain and exclusive, `stages` where the side knows them, seconds and memory."""
    inputs = load_inputs(fixture.clip())
    forget_peak()
    started, used = time.perf_counter(), time.process_time()
    found = run(fixture, inputs)
    seconds = time.perf_counter() - started
    return found | {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - used,
        "audio_seconds": inputs["samples"].shape[1] / inputs["sample_rate"],
        "peak_mb": round(peak_mb(), 1),
    }


def main() -> None:
    """Serve one side until standard input ends."""
    side, threads = sys.argv[1], int(sys.argv[2])
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    with contextlib.redirect_stdout(sys.stderr):
        run = make_side(side, threads)
        fixtures = {fixture.name: fixture for fixture in Catalogue.read(default_folder()).fixtures}
        print(json.dumps({"ready": side}), file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(run, fixtures[line.strip()])), file=answers, flush=True)


if __name__ == "__main__":
    main()
