"""Decisions about frames and chunks: the best class, the rounded count, the clean mask, who is good enough to train."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from capture.decisions.made import FRAMES, Cases, embeddings, speech, unit, whole
from parity.fixtures.decisions import POWERSET, DecisionCase

LOW = np.float32(-9.0)
CLASSES = 7


def best_class() -> list[DecisionCase]:
    """Log-probabilities of one chunk -> who speaks."""
    cases = Cases("best_class", POWERSET)

    def add(name: str, about: str, *frames: Mapping[int, float]) -> None:
        logits = np.full((1, FRAMES, CLASSES), LOW, np.float32)
        logits[..., 0] = 0.0
        for frame, classes in enumerate(frames, start=100):
            logits[0, frame] = LOW
            logits[0, frame, list(classes)] = list(classes.values())
        cases.add(name, about, {"segmentation_logits": logits})

    def share(**probabilities: float) -> dict[int, float]:
        return {int(name[1:]): float(np.log(np.float32(p))) for name, p in probabilities.items()}

    add(
        "each_class",
        "Seven frames, each sure of one class: nobody, 1, 2, 3, 1+2, 1+3, 2+3.",
        *({c: 0.0} for c in range(7)),
    )
    add("nobody_and_a_pair_equal", "Of two best classes that are equal the first wins: nobody.", {0: -1.0, 6: -1.0})
    add("two_singles_equal", "Speakers 1 and 2 are equally probable: the first, speaker 1, wins.", {1: -1.0, 2: -1.0})
    add("a_single_and_a_pair_equal", "Speaker 3 and the pair 1+2 are equal: the first, 3 alone.", {3: -1.0, 4: -1.0})
    add("two_pairs_equal", "The pairs 1+3 and 2+3 are equal: the first, 1+3.", {5: -1.0, 6: -1.0})
    add("three_equal", "Three classes are equal: the first, speaker 3 alone.", {3: -1.0, 4: -1.0, 5: -1.0})
    add("all_equal", "All seven classes are equal: nobody.", dict.fromkeys(range(7), -1.9459101))
    nearest = float(np.nextafter(np.float32(-1.0), np.float32(0.0)))
    add(
        "better_by_one_float",
        "A later class better by one float32 wins.",
        {**dict.fromkeys(range(7), -1.0), 5: nearest},
    )
    add(
        "worse_by_one_float",
        "An earlier class worse by one float32 loses.",
        {2: float(np.nextafter(np.float32(-1.0), np.float32(-2.0))), 6: -1.0},
    )
    add(
        "speaker_above_a_half_in_sum",
        "Speaker 1 is more probable than not over all classes with it, but nobody is the best class.",
        share(_0=0.35, _1=0.33, _4=0.32),
    )
    add(
        "best_class_below_a_half",
        "Speaker 2's class is the best with 0.3, though speaker 2 is less probable than not.",
        share(_0=0.2, _1=0.2, _2=0.3, _3=0.2, _5=0.1),
    )
    add(
        "no_hysteresis",
        "Speaker 1 falls from 0.7 to 0.45 and ends there; a frame does not remember the one before.",
        share(_0=0.3, _1=0.7),
        share(_0=0.55, _1=0.45),
    )
    add(
        "no_onset",
        "Speaker 1 begins at 0.55, without waiting for a higher onset.",
        share(_0=0.45, _1=0.55),
        share(_0=0.1, _1=0.9),
    )
    add(
        "impossible_classes",
        "Classes of probability 0, at minus infinity, never win.",
        dict.fromkeys(range(6), -np.inf) | {6: 0.0},
    )
    return cases.made


def rounded_count() -> list[DecisionCase]:
    """Segmentations of overlapping chunks -> how many people speak in each output frame."""
    cases = Cases("rounded_count", "speaker_counting")

    def add(name: str, about: str, segmentations: np.ndarray) -> None:
        cases.add(name, about, {"segmentations": segmentations})

    add("half_a_speaker", "A mean of 0.5 over two chunks is rounded to the even number, 0.", whole(1, 0))
    add("half_a_speaker_later", "The same where the later chunk hears the speaker.", whole(0, 1))
    add("one_and_a_half", "A mean of 1.5 is rounded to the even number, 2.", whole(2, 1))
    add("one_and_a_half_of_three", "Three speakers and none: 1.5 again, 2.", whole(3, 0))
    add("two_and_a_half", "A mean of 2.5 is rounded to the even number, 2, where half up gives 3.", whole(3, 2))
    add("one_third", "A mean of one third is 0, where rounding up gives 1.", whole(1, 0, 0))
    add("two_thirds", "A mean of two thirds is 1.", whole(1, 1, 0))
    add("three_quarters", "Three chunks of four: 0.75 is 1.", whole(1, 1, 0, 1))
    add("five_quarters", "A mean of 1.25 is 1.", whole(2, 1, 1, 1))
    add("five_of_ten", "Ten chunks, five hear one speaker: 0.5 exactly, 0.", whole(*[1, 0] * 5))
    add("fifteen_of_ten", "Ten chunks with fifteen speakers in all: 1.5 exactly, 2.", whole(*[2, 1] * 5))
    add("mean_not_sum", "Two chunks that hear the same speaker count one, not two.", whole(1, 1))
    add(
        "one_chunk_alone",
        "Near the ends one chunk alone counts whole: it is not divided by the ten that overlap elsewhere.",
        speech([(0, 0, 59)], [(0, 530, 59)]),
    )
    add(
        "edges_of_chunks_count",
        "The outer tenths of a chunk count like the rest: there is no warm-up.",
        speech([(0, 0, 40), (1, 560, 29)]),
    )
    add(
        "third_chunk_begins_at_119",
        "The third chunk, 2 s in, begins at frame 118.5, rounded 119.",
        speech([], [], [(0, 0, FRAMES)]),
    )
    add(
        "second_chunk_begins_at_59",
        "The second chunk, 1 s in, begins at frame 59.26, rounded 59.",
        speech([], [(0, 0, FRAMES), (1, 0, FRAMES)]),
    )
    add("three_at_once", "One chunk in which three speak counts three.", whole(3))
    add("frames_of_no_chunk", "Behind the last chunk's 589 frames come five that no chunk covers: 0.", whole(2))
    return cases.made


def clean_mask() -> list[DecisionCase]:
    """Segmentations -> the frames over which each speaker is pooled."""
    cases = Cases("clean_mask", "masks")

    def add(name: str, about: str, segmentations: np.ndarray, **parameters: bool) -> None:
        cases.add(name, about, {"segmentations": segmentations}, **parameters)

    for clean in range(5):
        kept = "all of its frames are kept" if clean <= 2 else "the clean ones alone are kept"
        add(
            f"{clean}_clean_frames",
            f"A speaker who is alone in {clean} of its frames: {kept}; two are too few, three are enough.",
            speech([(0, 0, 100 + clean), (1, 0, 100)]),
        )
    add(
        "both_fall_back", "Two speakers who are never alone keep all of their frames.", speech([(0, 0, 50), (1, 0, 50)])
    )
    add(
        "each_alone_decides",
        "Speaker 1 is never alone and keeps all, speaker 0 keeps its clean frames.",
        speech([(0, 0, 300), (1, 100, 100)]),
    )
    add(
        "three_overlap",
        "A frame with three speakers is clean for none of them.",
        speech([(0, 0, 200), (1, 100, 200), (2, 150, 400)]),
    )
    add("silent_speaker", "The mask of a speaker who says nothing is empty, fallback or not.", speech([(0, 0, 100)]))
    add("two_frames_in_all", "A speaker with two frames, both clean, keeps these two.", speech([(2, 300, 2)]))
    add(
        "scattered_frames",
        "Clean frames need not be neighbours: three single ones are enough.",
        speech([(0, 0, 400), (1, 1, 149), (1, 151, 149), (1, 301, 99)]),
    )
    holes = speech([(0, 0, 100), (1, 90, 100)])
    holes[0, [50, 95], [0, 0]] = np.nan
    add("nan_is_silence", "NaN in segmentations is silence in the mask.", holes)
    add(
        "overlap_kept_where_asked",
        "With exclude_overlap off, every frame of a speaker is kept.",
        speech([(0, 0, 300), (1, 100, 400)]),
        exclude_overlap=False,
    )
    return cases.made


def training() -> list[DecisionCase]:
    """Embeddings and segmentations -> which embeddings are clustered."""
    cases = Cases("training", "filter")
    some = [unit(0), unit(1), unit(2)]

    def add(name: str, about: str, segmentations: np.ndarray, made: np.ndarray | None = None) -> None:
        made = embeddings(*[some] * len(segmentations)) if made is None else made
        cases.add(name, about, {"embeddings": made, "segmentations": segmentations})

    add("117_frames", "117 clean frames of 589 are less than a fifth, 117.8: does not train.", speech([(0, 0, 117)]))
    add("118_frames", "118 clean frames are more than a fifth: trains.", speech([(0, 0, 118)]))
    add(
        "117_and_118",
        "Of two speakers with 117 and 118 clean frames, the second trains.",
        speech([(0, 0, 117), (1, 200, 118)]),
    )
    add(
        "overlap_does_not_count",
        "Two speakers of 200 frames, 117 of them alone: neither trains.",
        speech([(0, 0, 200), (1, 117, 200)]),
    )
    add(
        "one_frame_less_of_overlap",
        "The same with one frame of overlap less: both train.",
        speech([(0, 0, 200), (1, 118, 200)]),
    )
    add("any_activity_is_too_little", "Twenty frames of speech are activity, and too little.", speech([(1, 10, 20)]))
    scattered = speech([])
    scattered[0, : 2 * 118 : 2, 2] = 1
    add("scattered", "118 single frames with gaps between them count like 118 in a row.", scattered)
    short = speech([])
    short[0, : 2 * 117 : 2, 2] = 1
    add("scattered_short", "117 single frames do not.", short)
    add(
        "three_share_a_chunk",
        "Three speakers one after the other, each with more than a fifth, all train.",
        speech([(0, 0, 150), (1, 150, 150), (2, 300, 289)]),
    )
    add(
        "chunk_by_chunk",
        "Embeddings are listed by chunk, then by speaker, not by speaker first.",
        speech([(0, 0, 150), (2, 200, 150)], [(1, 0, 589)], [(0, 0, 150), (2, 200, 150)]),
    )
    add("nobody", "Nobody speaks long enough alone: no embedding trains.", speech([(0, 0, 589), (1, 0, 589)]))
    broken = embeddings(some, some)
    broken[0, 0, 255] = np.nan
    add("one_nan", "An embedding with one NaN in 256 does not train.", speech([(0, 0, 300)], [(0, 0, 300)]), broken)
    broken = embeddings(some, some)
    broken[1] = np.nan
    add(
        "nan_rows",
        "A chunk whose embeddings are NaN throughout trains none.",
        speech([(0, 0, 300)], [(0, 0, 300)]),
        broken,
    )
    add(
        "zeros_train",
        "An embedding of zeros is no NaN: it trains.",
        speech([(0, 0, 300)]),
        embeddings([None, None, None]),
    )
    return cases.made
