"""What to check first in a stage, and where its formula stands in a porting kit."""

from __future__ import annotations

import shlex
from pathlib import Path

from parity.pipeline.artefact import LAYOUTS

STAGES = tuple(dict.fromkeys(artefact.stage for artefact in LAYOUTS["community-1"].artefacts.values()))

CHECKS = {
    "audio": "print the rate, the length and the first ten samples of what the networks hear",
    "segmentation": "give the network chunk 0 as the reference has it, and print the first frame's seven values",
    "speaker_counting": "print the mean activity of the first frame that differs, before it is rounded",
    "masks": "count the clean frames of the first speaker whose mask differs, and see whether it falls back",
    "fbank": "print the first window after each step: offset, pre-emphasis, window, spectrum, filters, logarithm",
    "embeddings": "give the network the reference's filterbank and masks of one chunk, and print what pooling makes",
    "filter": "print the clean frames of the first embedding that only one side keeps",
    "xvec": "print the norm of the first row after each step: mean off, unit norm, LDA, mean off, unit norm",
    "plda": "print the first row and the first variances, and the order in which the axes stand",
    "ahc": "print the threshold, the method of linkage, and the heights of the last merges",
    "vbx": "print Fa, Fb, the smoothing, the most iterations and the growth at which it stops",
    "kmeans": "print the number of starts, the seed, and the norm of the first row",
    "centroids": "print the priors that survive, and the sum of the weights of each",
    "scoring": "print the range of the scores: cosine distances taken from 2 lie between 0 and 2",
    "assignment": "print the scores of the first chunk whose speakers are assigned otherwise",
    "reconstruction": "print the first frame of each chunk, and the summed activations of the first frame that differs",
    "annotation": "print the first turn's frames, and the second that each of them stands for",
    "predictor": "give it the reference's token and state of the first step, and print the first unit's four gates",
    "joint": "print the encoder frame that is looked at, both projections, and the scores before the softmax",
    "choose": "print the two best classes of the first step that takes another, and what is added to the blank",
    "advance": "print frame, symbols, token and state after the first blank, and after the last symbol of a full frame",
    "transcript": "print the frame of the first token, and whether frames are counted from zero",
}
"""Stage -> what to do in the port, in the imperative; it settles which step of the stage is another."""


def first_check(stage: str, about: str = "") -> str:
    """What to check first, in one sentence.

    Parameters
    ----------
    about : of the mistake that is named, empty where none is
    """
    check = CHECKS.get(stage, "run the stage on the reference's own inputs and print its first values")
    return f"In {stage}, look for: {about}. To see it, {check}" if about else f"In {stage}, {check}"


def kit_line(stage: str) -> str:
    """Where the formula stands: the kit's file, and the heading of its section; empty of a stage that no kit has."""
    return f"README.md, section {STAGES.index(stage) + 1} ({stage})" if stage in STAGES else ""


def confirming(
    fixture: str, stage: str, *, implementation: str = "native", arrays: Path | None = None, fault: str | None = None
) -> str:
    """The command that confirms a mend, the shortest there is; of code the stage alone.

    Parameters
    ----------
    implementation, arrays, fault : what was under test, as it was given
    """
    if arrays is not None:
        return f"parity explain {fixture} --arrays {shlex.quote(str(arrays))}"
    if fault is not None:
        return f"parity explain {fixture} --fault {fault}"
    return f"parity run {fixture} --stage {stage} --implementation {shlex.quote(implementation)}"
