"""One side of a benchmark: a process of its own that runs clips on request and says how long each took.

Protocol: a fixture's name a line on standard input; one line of JSON on standard output for each. Models are loaded
before the first answer, and peak memory is the process's own, so that neither side pays for the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable

from parity.audio import load_clip
from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import build_networks
from parity.engine import replay
from parity.fixtures import Catalogue, Fixture, default_folder
from parity.replay import URI
from parity.snapshot import read_snapshot
from parity.weights import load_weights

Answer = dict[str, object]


def parity_side(threads: int) -> Callable[[Fixture], Answer]:
    """The whole replay of a fixture, isolated replays and comparisons included; the cascade alone beside it."""
    weights = load_weights()
    networks = build_networks(weights.segmentation, weights.embedding, weights.plda, threads)

    def answer(fixture: Fixture) -> Answer:
        pipeline = community1_pipeline(networks, Parameters(**weights.parameters, **fixture.speakers))
        waveform, snapshot = load_clip(fixture.clip()), read_snapshot(fixture.snapshot_folder)
        started = time.perf_counter()
        outcome = replay(pipeline, snapshot, {"waveform": waveform})
        seconds = time.perf_counter() - started
        stages = {stage: round(value, 4) for stage, value in outcome.stage_seconds.items()}
        return {
            "seconds": seconds,
            "pipeline_seconds": sum(outcome.stage_seconds.values()),
            "stages": stages,
            "rttm": outcome.rttm,
            "audio_seconds": waveform.shape[1] / 16000,
        }

    return answer


def pyannote_side(threads: int) -> Callable[[Fixture], Answer]:
    """pyannote.audio 4.0.4, untapped."""
    from capture.environment import mend_torchaudio, silence_torchcodec

    mend_torchaudio()
    silence_torchcodec()
    import torch

    from capture.reference import load_reference, run_reference

    torch.set_num_threads(threads)
    pipeline = load_reference(load_weights().folder)

    def answer(fixture: Fixture) -> Answer:
        run = run_reference(pipeline, load_clip(fixture.clip()), URI, fixture.speakers, tapped=False)
        return {"seconds": run.seconds, "rttm": run.diarization}

    return answer


def main() -> None:
    """Serve one side until standard input ends."""
    side, threads = sys.argv[1], int(sys.argv[2])
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    with contextlib.redirect_stdout(sys.stderr):
        answer = {"parity": parity_side, "pyannote": pyannote_side}[side](threads)
        fixtures = {fixture.name: fixture for fixture in Catalogue.read(default_folder()).fixtures}
        print(json.dumps({"ready": side}), file=answers, flush=True)
        for line in sys.stdin:
            result = answer(fixtures[line.strip()])
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps(result | {"peak_mb": round(peak, 1)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
