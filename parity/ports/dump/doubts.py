"""Doubts that are raised before any blame: is it the dump that is wrong, or the reference's own choice?

A *dump* is suspect where unrelated arrays are bit for bit the same, as a reused buffer leaves them, and where its
arrays were made of another waveform than the reference's, which they betray even where nobody wrote a hash down. The
*reference* is suspect where what differs first is a decision that its own noise flips (`noise.json` beside it).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, TypeGuard

import numpy as np

from parity.errors import InputError
from parity.fixtures.noise import read_noise
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.deviations import stages_of
from parity.ports.dump.reading import Dump

FEWEST = 8
"""Elements that two arrays have to share before it is no accident."""

UNLIKE = 0.3
"""Correlation of two filterbanks below which they are not of one sound."""

OTHER_SPEECH, OTHER_VOICES = 0.7, 0.4
"""Correlation of who speaks at all, and cosine of a chunk's closest embeddings: with both below it is another sound.

Of fixtures that share no audio, over the chunks that two of them have: 0.59 and 0.51 at most, seldom above 0.35 and
0.25; of those that are one recording heard otherwise (02, 09, 10) voices are 0.71 and more. Both are asked for: a
mistake in one network leaves what the other heard, and arrays that were permuted are no other sound. No planted fault
of audio or segmentation takes the correlation below 0.9 (36 tries, on 02 and 14).
"""

FEWEST_CHUNKS = 4
RECONSTRUCTIONS = {"discrete_diarization", "exclusive_discrete_diarization"}
OF_CHUNKS = ("segmentation_logits", "fbank", "embeddings")


def doubts(
    reference: Dump, candidate: Dump, aligned: Aligned, first: str | None, *, explained: bool, mismatches: int
) -> tuple[str, ...]:
    """What has to be cleared up before a difference says anything of the port, in sentences.

    Parameters
    ----------
    first : the first artefact that is different; None where none is
    explained : whether one mistake explains that difference, so that it is no other sound
    mismatches : elements of it that differ and must not
    """
    if first is None:
        return ()
    found = [*_one_buffer(aligned), *_one_row(aligned), *_another_sound(reference, candidate, aligned, explained)]
    return (*found, *_undecided(reference, first, mismatches))


def _one_buffer(aligned: Aligned) -> list[str]:
    """Artefacts of one shape that are one array in the dump and two in the reference."""
    got, want = aligned.got, aligned.want
    return [
        f"the dump is suspect: {a} and {b} are bit for bit the same array, the reference's are not (a reused buffer?)"
        for a, b in combinations((n for n in ARTEFACTS if _numbers(got.get(n)) and _numbers(want.get(n))), 2)
        if _same(got[a], got[b]) and not _same(want[a], want[b]) and not _nobody_overlaps(a, b, got[a])
    ]


def _nobody_overlaps(a: str, b: str, value: np.ndarray) -> bool:
    """Whether two artefacts have to be one array: both reconstructions, where no frame has two speakers."""
    return {a, b} == RECONSTRUCTIONS and value.ndim == 2 and bool(np.all(np.sum(value != 0, axis=1) <= 1))


def _one_row(aligned: Aligned) -> list[str]:
    """Artefacts in which half of the chunks or more are one and the same chunk."""
    found = []
    for name in OF_CHUNKS:
        got, want = aligned.got.get(name), aligned.want.get(name)
        if not (_numbers(got) and _numbers(want)) or len(got) < 4 or got.shape != want.shape:
            continue
        times, theirs = (sum(_equal(side[-1], row) for row in side) for side in (got, want))
        if 2 * times > len(got) and theirs < times and np.ptp(np.nan_to_num(got[-1])) > 0:
            found.append(
                f"the dump is suspect: {times} of {len(got)} chunks of {name} are bit for bit the last one (a reused "
                "buffer?)"
            )
    return found


def _another_sound(reference: Dump, candidate: Dump, aligned: Aligned, explained: bool) -> list[str]:
    theirs, ours = (dump.manifest.get("clip_sha256") for dump in (reference, candidate))
    if isinstance(theirs, str) and isinstance(ours, str) and theirs != ours:
        return [f"the dump is suspect: made of clip {ours[:12]}, the reference of {theirs[:12]}"]
    if explained:
        return []
    if found := _other_speech_and_voices(aligned):
        return found
    got, want = aligned.got.get("fbank"), aligned.want.get("fbank")
    if not (_numbers(got) and _numbers(want)) or got.shape != want.shape:
        return []
    alike = _correlation(got, want)
    if alike is None or alike >= UNLIKE:
        return []
    return [f"the dump is suspect: its fbank is that of another waveform (correlation {alike:.2f} with the reference)"]


def _other_speech_and_voices(aligned: Aligned) -> list[str]:
    """Told from segmentations and embeddings together: nobody speaks when the reference's do, nor as they do."""
    ours, our_voices = (aligned.got.get(name) for name in ("segmentations", "embeddings"))
    theirs, their_voices = (aligned.want.get(name) for name in ("segmentations", "embeddings"))
    if not (_cube(ours) and _cube(our_voices) and _cube(theirs) and _cube(their_voices)):
        return []
    chunks = min(map(len, (ours, theirs, our_voices, their_voices)))
    frames = min(ours.shape[1], theirs.shape[1])
    if chunks < FEWEST_CHUNKS or our_voices.shape[1:] != their_voices.shape[1:]:
        return []
    here, there = (np.any(side[:chunks, :frames], axis=2) for side in (ours, theirs))
    speech = _correlation(here, there)
    voices = _closest(our_voices[:chunks], their_voices[:chunks], ours[:chunks], theirs[:chunks])
    if speech is None or voices is None or speech >= OTHER_SPEECH or voices >= OTHER_VOICES:
        return []
    return [
        "the dump is suspect: made of another waveform: its segmentations and the reference's have a correlation of "
        f"{speech:.2f}, the closest embeddings of a chunk a cosine of {voices:.2f}"
    ]


def _cube(value: Any) -> TypeGuard[np.ndarray]:
    return _numbers(value) and value.ndim == 3


def _correlation(got: np.ndarray, want: np.ndarray) -> float | None:
    """Of two arrays, number by number; None where one of them is constant, or not finite."""
    a, b = (side.astype(np.float64) - np.mean(side, dtype=np.float64) for side in (got, want))
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / size if size > 0 and np.isfinite(size) else None


def _closest(got: np.ndarray, want: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> float | None:
    """The median over chunks of the largest cosine between somebody who speaks here and somebody who speaks there."""
    if ours.shape[2] != got.shape[1] or theirs.shape[2] != want.shape[1]:
        return None
    rows = [np.nan_to_num(side.astype(np.float64)) for side in (got, want)]
    rows = [side / np.maximum(np.linalg.norm(side, axis=2, keepdims=True), 1e-30) for side in rows]
    cosines = np.einsum("csd,ctd->cst", *rows)
    here, there = np.any(ours, axis=1), np.any(theirs, axis=1)
    speak = np.logical_and(here[:, :, None], there[:, None, :])
    kept = speak.any(axis=(1, 2))
    if kept.sum() < FEWEST_CHUNKS:
        return None
    return float(np.median(np.where(speak, cosines, -1.0).max(axis=(1, 2))[kept]))


def _undecided(reference: Dump, first: str, mismatches: int) -> list[str]:
    """The reference's own noise flips the decision that differs first."""
    try:
        floor = read_noise(reference.folder) if reference.folder.is_dir() else None
    except InputError:
        return []
    noise = floor.envelope.get(first) if floor is not None and not _native(reference, first) else None
    if noise is None or not noise.mismatches or not 0 < mismatches <= noise.mismatches:
        return []
    return [
        f"the reference is suspect: its own {first} changes in {noise.mismatches} elements when nothing but the "
        "machine or the number of threads does"
    ]


def _native(reference: Dump, name: str) -> bool:
    """Whether an artefact of a reference with deviations is native, whose noise nobody measured."""
    order = list(dict.fromkeys(artefact.stage for artefact in ARTEFACTS.values()))
    first = min((order.index(stage) for stage in stages_of(reference.declared)), default=len(order))
    return order.index(ARTEFACTS[name].stage) >= first


def _numbers(value: Any) -> TypeGuard[np.ndarray]:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.size >= FEWEST


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool(np.ptp(np.nan_to_num(a)) > 0) and _equal(a, b)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
