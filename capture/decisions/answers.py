"""Decisions about the answer: who wins a frame, where a turn ends, how it is named and written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from capture.decisions.made import FRAMES, Cases, above, below, frame_counts, frames, speech
from parity.community1 import geometry
from parity.fixtures.decisions import DecisionCase

ALL = (0, FRAMES)


def votes() -> list[DecisionCase]:
    """Segmentations, clusters and the count -> who speaks in each output frame."""
    cases = Cases("votes", "reconstruction")

    def add(
        name: str,
        about: str,
        segmentations: np.ndarray,
        hard: Sequence[Sequence[int]],
        count: np.ndarray,
        **bounds: int,
    ) -> None:
        inputs = {"segmentations": segmentations, "hard_clusters": np.array(hard, np.int8), "count": count}
        cases.add(name, about, inputs, **bounds)

    both = speech([(0, *ALL), (1, *ALL)])
    one = frame_counts(1, (1, 0, FRAMES))
    add("two_tied", "Two clusters have one vote each and one may win: the lower number.", both, [[0, 1, -2]], one)
    add("two_tied_crossed", "The same where the first speaker has the higher number.", both, [[1, 0, -2]], one)
    three = speech([(0, *ALL), (1, *ALL), (2, *ALL)])
    two = frame_counts(1, (2, 0, FRAMES))
    add("three_tied_two_win", "Of three with a vote each two may win: the two lowest numbers.", three, [[2, 0, 1]], two)
    add(
        "more_votes_win",
        "Cluster 1 has three votes, cluster 0 two: cluster 1 wins.",
        speech([(0, *ALL), (1, *ALL)], [(0, *ALL), (1, *ALL)], [(1, *ALL)]),
        [[0, 1, -2]] * 3,
        frame_counts(3, (1, 0, 700)),
    )
    add(
        "p20_exclusive_most_active",
        "The exclusive answer goes to the most active cluster, 0, not to the highest index.",
        speech([(0, *ALL), (1, *ALL)], [(0, *ALL)]),
        [[0, 1, -2]] * 2,
        frame_counts(2, (2, 0, 640)),
    )
    add(
        "exclusive_tied",
        "Two may win and both do; of the exclusive answer only one, the lower number of the tied.",
        both,
        [[1, 0, -2]],
        two,
    )
    add(
        "sum_not_mean",
        "Cluster 0 speaks in two of its three chunks, cluster 1 in its only one: two votes beat one.",
        speech([(0, *ALL)], [(0, *ALL)], [(0, 0, 1), (1, *ALL)]),
        [[0, -2, -2], [0, -2, -2], [0, 1, -2]],
        frame_counts(3, (1, 0, 700)),
    )
    add(
        "heard_in_one_of_three",
        "A cluster active in one chunk of the three in which it occurs beats none at all.",
        speech([(0, *ALL), (1, 0, 10)], [(1, 0, 10)], [(0, 0, 10), (1, *ALL)]),
        [[0, 1, -2], [0, 1, -2], [0, 1, -2]],
        frame_counts(3, (1, 200, 300)),
    )
    add(
        "zero_votes",
        "Two may win where one speaks: a cluster without a vote is filled in, the lowest number.",
        speech([(0, *ALL), (1, 0, 10), (2, 0, 10)]),
        [[2, 0, 1]],
        frame_counts(1, (2, 300, 100)),
    )
    add(
        "nobody_votes",
        "One may win where no cluster has a vote: cluster 0 all the same.",
        speech([(0, 0, 10), (1, 10, 10)]),
        [[1, 0, -2]],
        frame_counts(1, (1, 400, 50)),
    )
    add(
        "count_above_clusters",
        "Two may win and there is one cluster: a column is added, and wins; the exclusive answer gets none.",
        speech([(0, *ALL), (1, *ALL)]),
        [[0, 0, -2]],
        frame_counts(1, (2, 100, 200), (1, 300, 100)),
    )
    add(
        "count_far_above_clusters",
        "Three may win in a few frames and there is one cluster: two columns are added.",
        speech([(1, *ALL)]),
        [[-2, 0, -2]],
        frame_counts(1, (1, 0, 500), (3, 500, 20)),
    )
    add(
        "max_speakers_caps",
        "With at most one speaker, the count of two is capped.",
        both,
        [[0, 1, -2]],
        two,
        max_speakers=1,
    )
    add(
        "num_speakers_caps",
        "A given number of two caps a count of three.",
        three,
        [[0, 1, 2]],
        frame_counts(1, (3, 0, 400)),
        num_speakers=2,
    )
    add(
        "one_cluster_two_speakers",
        "Two speakers of a chunk in one cluster are united: one vote, not two.",
        speech([(0, 0, 300), (1, 200, 300), (2, *ALL)]),
        [[1, 1, 0]],
        one,
    )
    add(
        "unassigned_have_no_vote",
        "A speaker of nobody's (-2) has no vote.",
        speech([(0, *ALL), (1, 0, 300)]),
        [[-2, 0, -2]],
        one,
    )
    add(
        "silent_speaker_has_no_cluster",
        "Cluster 2 has only a speaker who says nothing: it gets no column.",
        speech([(0, *ALL), (1, 0, 300)]),
        [[0, 1, 2]],
        one,
    )
    add(
        "third_chunk_begins_at_119",
        "Votes of the third chunk begin at frame 119, the closest, not at 118, which contains its start.",
        speech([(0, 0, 1)], [(0, 0, 1)], [(0, *ALL)]),
        [[0, -2, -2], [0, -2, -2], [1, -2, -2]],
        frame_counts(3, (1, 0, 700)),
    )
    add(
        "swapped_between_chunks",
        "Local speakers change places between chunks; clusters say who is who.",
        speech([(0, *ALL)], [(1, *ALL)]),
        [[0, 1, -2], [1, 0, -2]],
        frame_counts(2, (1, 0, 640)),
    )
    seven = speech(*([(0, *ALL), (1, *ALL), (2, *ALL)] for _ in range(7)))
    many = np.arange(21).reshape(7, 3)
    many[0, 0] = 20
    many[6, 2] = 0
    add(
        "twenty_one_tied",
        "Of 21 tied clusters four win, as NumPy's plain, unstable argsort orders more than sixteen equals.",
        seven,
        many.tolist(),
        frame_counts(7, (4, 400, 150)),
    )
    return cases.made


def turns() -> list[DecisionCase]:
    """A discrete diarization -> where turns begin and end, which are joined, which vanish."""
    cases = Cases("turns", "annotation")

    def add(name: str, about: str, plain: np.ndarray, exclusive: np.ndarray | None = None, **parameters: float) -> None:
        exclusive = plain if exclusive is None else exclusive
        inputs = {"discrete_diarization": plain, "exclusive_discrete_diarization": exclusive}
        cases.add(name, about, inputs, **parameters)

    add(
        "middles",
        "A turn runs from the middle of its first frame to that of the first after it.",
        frames(40, (0, 3, 5), speakers=1),
    )
    add("one_frame", "A turn of a single frame is a turn, of one frame's step.", frames(40, (0, 7, 1), speakers=1))
    add(
        "first_frame",
        "A turn that begins with the recording begins at the first frame's middle.",
        frames(40, (0, 0, 6), speakers=1),
    )
    add(
        "to_the_end",
        "A turn that lasts to the end ends at the last frame's middle.",
        frames(40, (0, 30, 10), speakers=1),
    )
    add("whole_recording", "One turn from the first middle to the last.", frames(40, (0, 0, 40), speakers=1))
    add(
        "last_frame_alone",
        "A turn in the very last frame alone has no length and vanishes, its speaker's name with it.",
        frames(40, (0, 39, 1), (1, 4, 6), speakers=2),
    )
    add(
        "turns_touch",
        "Two speakers' turns that touch share a time: one ends where the other begins.",
        frames(40, (0, 5, 10), (1, 15, 10), speakers=2),
    )
    add(
        "touch_there_and_back",
        "Speaker 0 is interrupted for one frame by speaker 1; three turns touch.",
        frames(40, (0, 5, 10), (1, 15, 1), (0, 16, 9), speakers=2),
    )
    add(
        "one_frame_gap",
        "A gap of one frame is not filled where min_duration_off is 0.",
        frames(40, (0, 5, 10), (0, 16, 9), speakers=1),
    )
    middles = geometry.frame_middles(60)
    gap = float(middles[20] - middles[10])
    pair = frames(60, (0, 0, 10), (0, 20, 10), speakers=1)
    add("gap_at_min_duration_off", "A gap of exactly min_duration_off is not filled.", pair, min_duration_off=gap)
    add(
        "gap_below_min_duration_off",
        "A gap shorter than min_duration_off by one float is filled.",
        pair,
        min_duration_off=above(gap),
    )
    add(
        "gap_above_min_duration_off",
        "A gap longer than min_duration_off by one float is not.",
        pair,
        min_duration_off=below(gap),
    )
    add(
        "gaps_one_after_the_other",
        "Gaps are filled one after the other, however long what they make.",
        frames(90, (0, 0, 10), (0, 12, 10), (0, 24, 10), speakers=1),
        min_duration_off=0.1,
    )
    add(
        "gaps_of_each_speaker",
        "Gaps are filled within a speaker, never between two.",
        frames(90, (0, 0, 10), (1, 12, 10), (0, 24, 10), (1, 26, 4), speakers=2),
        min_duration_off=0.1,
    )
    add(
        "short_turns_stay",
        "Turns of a frame or two stay: there is no shortest turn.",
        frames(60, (0, 5, 1), (0, 9, 2), (0, 20, 14), speakers=1),
    )
    add(
        "exclusive_by_itself",
        "The exclusive answer has turns of its own, under the plain one's names.",
        frames(60, (0, 5, 20), (1, 15, 20), speakers=2),
        frames(60, (0, 5, 12), (1, 17, 18), speakers=2),
    )
    return cases.made


def names() -> list[DecisionCase]:
    """Who is SPEAKER_00, and which of two turns comes first."""
    cases = Cases("names", "annotation")

    def add(name: str, about: str, plain: np.ndarray, **parameters: float) -> None:
        inputs = {"discrete_diarization": plain, "exclusive_discrete_diarization": plain}
        cases.add(name, about, inputs, **parameters)

    add(
        "by_number",
        "Speakers are named by their numbers, not in the order in which they first speak.",
        frames(60, (1, 5, 10), (0, 30, 10), speakers=2),
    )
    add(
        "numbers_as_text",
        "Numbers are ordered as text: 0, 1, 10, 11, 2, so that speaker 10 is SPEAKER_02.",
        frames(60, *((speaker, 4 * speaker, 2) for speaker in range(12)), speakers=12),
    )
    add(
        "absent_take_no_name",
        "A speaker without a turn takes no name; the next one gets it.",
        frames(60, (2, 5, 10), (4, 30, 10), speakers=5),
    )
    add(
        "same_start",
        "Of turns that begin together the shorter comes first.",
        frames(60, (0, 5, 30), (1, 5, 10), speakers=2),
    )
    add("same_turn", "Of equal turns the lower number comes first.", frames(60, (1, 5, 10), (0, 5, 10), speakers=2))
    add(
        "same_start_and_end",
        "Three turns, two of them equal, between others.",
        frames(60, (2, 5, 10), (0, 5, 10), (1, 2, 30), speakers=3),
    )
    add(
        "beyond_z",
        "Equal turns of speakers 1, 25, 26 and 27 come in the order of track letters: AA, AB, B, Z.",
        frames(10, (1, 2, 3), (25, 2, 3), (26, 2, 3), (27, 2, 3), speakers=28),
    )
    add(
        "letters_anew",
        "Filling gaps letters tracks anew, and turns the order of equal turns around.",
        frames(60, (2, 0, 10), (10, 0, 10), speakers=11),
        min_duration_off=0.1,
    )
    return cases.made


def rttm() -> list[DecisionCase]:
    """Times as three decimals, and answers that are empty."""
    cases = Cases("rttm", "annotation")

    def add(name: str, about: str, plain: np.ndarray | None) -> None:
        cases.add(name, about, {"discrete_diarization": plain, "exclusive_discrete_diarization": plain})

    for start, number in ((0, 4), (1, 4), (2, 12), (10, 12), (33, 20), (64, 4)):
        half = f"{number * geometry.FRAME_STEP_SECONDS:.4f}"
        add(
            f"half_a_millisecond_{start}_{number}",
            f"A turn of {number} frames from frame {start} lasts {half} s, half a millisecond over: the float decides.",
            frames(100, (0, start, number), speakers=1),
        )
    add("three_decimals", "Times have three decimals, not two.", frames(100, (0, 11, 7), speakers=1))
    add("late", "A turn beyond a hundred seconds keeps its three decimals.", frames(7000, (0, 6001, 12), speakers=1))
    add("no_turn", "Nobody has a turn: an empty RTTM, not a line, not a missing one.", frames(100, speakers=2))
    add("nobody_speaks", "Nobody ever speaks, so nothing was clustered: an empty RTTM.", None)
    return cases.made
