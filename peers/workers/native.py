"""This project's own pipeline, as `parity diarize` runs it, for seconds to stand beside the others'.

Options: `weights`: the name of a source; `speakers`: what the pipeline is told beforehand, by parameter.
"""

from __future__ import annotations

import numpy as np

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import build_networks
from parity.networks.runtime import one_blas_thread
from parity.weights import load_weights
from peers.workers.protocol import Diarizer, serve


def load(request: dict) -> Diarizer:
    """Load the weights and build the networks."""
    options = request["options"]
    weights = load_weights(options["weights"])
    networks = build_networks(weights.segmentation, weights.embedding, weights.plda, request["threads"])
    pipeline = community1_pipeline(networks, Parameters(**weights.parameters, **options["speakers"]))

    def diarize(samples: list[float]) -> list[tuple[float, float, int]]:
        with one_blas_thread():
            turns = pipeline.run({"waveform": np.array([samples], dtype=np.float32)})["diarization"]
        speakers = sorted({turn.speaker for turn in turns})
        return [(turn.start, turn.end, speakers.index(turn.speaker)) for turn in turns]

    return diarize


if __name__ == "__main__":
    serve(load)
