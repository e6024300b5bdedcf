"""This project's own pipeline, as `parity diarize` runs it, for seconds to stand beside the others'.

Options: `weights`: the name of a source; `speakers`: what the pipeline is told beforehand, by parameter.
"""

from __future__ import annotations

from pathlib import Path

from parity.diarize import Diarizer as Pipeline
from peers.workers.protocol import Diarizer, serve


def load(request: dict) -> Diarizer:
    """Load the weights and build the networks."""
    options = request["options"]
    pipeline = Pipeline(options["weights"], threads=request["threads"])

    def diarize(samples: list[float]) -> list[tuple[float, float, int]]:
        turns = pipeline(Path(request["file"]), **options["speakers"]).turns  # it resamples by itself, as pyannote does
        speakers = sorted({turn.speaker for turn in turns})
        return [(turn.start, turn.end, speakers.index(turn.speaker)) for turn in turns]

    return diarize


if __name__ == "__main__":
    serve(load)
