"""More mistakes in segmentation behind its network: how logits are handed on, read, and made into speakers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from parity.community1.segmentation import NUM_CLASSES, NUM_FRAMES, powerset_mapping, to_multilabel
from parity.faults.fault import Workshop
from parity.faults.known.planting import Make, Run, fault
from parity.faults.known.segmentation import THRESHOLD, deciding

OTHER_FRAMES = 560
BATCH = 8
ALIGNED = 8
NOBODY = np.log(np.float32(0.99)), np.log(np.float32(0.01 / 6))

Change = Callable[[np.ndarray], np.ndarray]


def _handed_on(change: Change) -> Make:
    """Logits changed before they are handed on and decided: (num_chunks, 589, 7) float32, both ways."""

    def make(native: Run, workshop: Workshop) -> Run:
        def run(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            logits = change(native(waveform)[0]).astype(np.float32)
            return logits, to_multilabel(logits)

        return run

    return make


def nobody(shape: tuple[int, ...]) -> np.ndarray:
    """Log-probabilities of frames in which nobody speaks: shape + (7,) float32."""
    logits = np.full((*shape, NUM_CLASSES), NOBODY[1], np.float32)
    logits[..., 0] = NOBODY[0]
    return logits


def rows_of_eight(logits: np.ndarray) -> np.ndarray:
    """Rows stored with an eighth number to fill them up, read as rows of seven."""
    padded = np.pad(logits, ((0, 0), (0, 0), (0, ALIGNED - NUM_CLASSES)))
    return padded.reshape(len(logits), -1)[:, : NUM_FRAMES * NUM_CLASSES].reshape(logits.shape)


def classes_first(logits: np.ndarray) -> np.ndarray:
    """The numbers of (classes, frames) read as (frames, classes)."""
    return np.ascontiguousarray(logits.transpose(0, 2, 1)).reshape(logits.shape)


def first_of_each_batch(logits: np.ndarray) -> np.ndarray:
    """The first chunk of each batch of eight, nobody in the rest."""
    first = (np.arange(len(logits)) % BATCH == 0)[:, None, None]
    return np.where(first, logits, nobody(logits.shape[:2]))


def frames_of_560(logits: np.ndarray) -> np.ndarray:
    """The first 560 frames, nobody in those after them."""
    cut = logits.copy()
    cut[:, OTHER_FRAMES:] = nobody(cut[:, OTHER_FRAMES:].shape[:2])
    return cut


def one_chunk_late(logits: np.ndarray) -> np.ndarray:
    """Every chunk's answer given for the next one, the first twice."""
    return np.concatenate([logits[:1], logits[:-1]])


def through_float16(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities kept in float16."""
    return logits.astype(np.float16).astype(np.float32)


def nobody_last(logits: np.ndarray) -> np.ndarray:
    """The best class, read as 1, 2, 3, 1+2, 1+3, 2+3, nobody: (..., 3) float32."""
    return np.roll(powerset_mapping(), -1, axis=0)[np.argmax(logits, axis=-1)]


def as_bits(logits: np.ndarray) -> np.ndarray:
    """The best class's number read as bits, one for each speaker: (..., 3) float32."""
    return ((np.argmax(logits, axis=-1)[..., None] >> np.arange(3)) & 1).astype(np.float32)


def single_classes(logits: np.ndarray) -> np.ndarray:
    """The classes of one speaker against 0.5, those of two forgotten: (..., 3) float32."""
    return (np.exp(logits[..., 1:4]) > THRESHOLD).astype(np.float32)


def without_overlap(logits: np.ndarray) -> np.ndarray:
    """The best of nobody, 1, 2 and 3: (..., 3) float32."""
    return powerset_mapping()[np.argmax(logits[..., :4], axis=-1)]


def last_of_equals(logits: np.ndarray) -> np.ndarray:
    """The best class, the last of equals; of log-probabilities to three decimals, as text files have them."""
    rounded = np.round(logits, 3)[..., ::-1]
    return powerset_mapping()[NUM_CLASSES - 1 - np.argmax(rounded, axis=-1)]


def smoothed(logits: np.ndarray) -> np.ndarray:
    """The middle of each speaker's last, present and next frame, as median filters give it."""
    speakers = to_multilabel(logits)
    padded = np.pad(speakers, ((0, 0), (1, 1), (0, 0)), mode="edge")
    return np.median([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], axis=0).astype(np.float32)


FAULTS = [
    fault(
        "logits_of_padded_rows",
        "segmentation",
        "rows padded to eight numbers read as rows of seven",
        _handed_on(rows_of_eight),
    ),
    fault(
        "logits_reshaped",
        "segmentation",
        "classes by frames read as frames by classes without turning the array round",
        _handed_on(classes_first),
    ),
    fault(
        "logits_first_of_batch",
        "segmentation",
        "the first of eight chunks right, nobody in the other seven",
        _handed_on(first_of_each_batch),
        neighbours=True,
    ),
    fault(
        "logits_of_560_frames",
        "segmentation",
        "560 frames of a chunk kept where there are 589",
        _handed_on(frames_of_560),
    ),
    fault(
        "logits_one_chunk_late",
        "segmentation",
        "each chunk's answer given for the next one",
        _handed_on(one_chunk_late),
        neighbours=True,
    ),
    fault(
        "logits_float16",
        "segmentation",
        "log-probabilities kept in float16 instead of float32",
        _handed_on(through_float16),
    ),
    fault(
        "powerset_nobody_last",
        "segmentation",
        "the class of nobody taken for the last, where it is the first",
        deciding(nobody_last),
    ),
    fault("powerset_as_bits", "segmentation", "a class's number read as bits, one for each speaker", deciding(as_bits)),
    fault(
        "powerset_single_classes",
        "segmentation",
        "classes 1, 2 and 3 against 0.5, those of two speakers forgotten",
        deciding(single_classes),
    ),
    fault(
        "powerset_without_overlap",
        "segmentation",
        "the best of nobody, 1, 2 and 3: never two speakers at once",
        deciding(without_overlap),
    ),
    fault(
        "powerset_last_of_equals",
        "segmentation",
        "log-probabilities to three decimals, the last of equals taken",
        deciding(last_of_equals),
    ),
    fault(
        "segmentation_smoothed",
        "segmentation",
        "a median filter over three frames, where there is none",
        deciding(smoothed),
    ),
]
