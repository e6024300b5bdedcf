"""Decisions about speakers: how many, whose centroid, which cluster each speaker of a chunk is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from capture.decisions.made import DIMENSION, Cases, above, below, embeddings, places, speech, training, unit
from parity.fixtures.decisions import DecisionCase

JUST_BELOW, JUST_ABOVE = below(1e-7), above(1e-7)
SIX = (unit(0), unit(0, 2.0), unit(1), unit(1, 2.0), unit(2), unit(2, 2.0))


def gates() -> list[DecisionCase]:
    """Priors and the number of speakers asked for -> whether KMeans runs at all, and for how many."""
    cases = Cases("gates", "kmeans")

    def add(
        name: str, about: str, priors: Sequence[float], rows: Sequence[dict[int, float]] = SIX, **bounds: int
    ) -> None:
        cases.add(name, about, {"sp_final": np.array(priors, float), **training(*rows)}, **bounds)

    half, third = (0.5, 0.5), (0.4, 0.3, 0.3)
    add(
        "p14_one_wanted",
        "Priors .6 and .4, responsibilities [[.6, .4], [.6, .4]], one speaker wanted: two survive, so KMeans runs, "
        "though one cluster alone wins every argmax.",
        (0.6, 0.4),
        (unit(0), unit(1)),
        num_speakers=1,
    )
    add("none_given", "No number is given: KMeans does not run.", half)
    add("as_many_as_wanted", "Two wanted, two survive: KMeans does not run.", half, num_speakers=2)
    add("one_too_many", "Two wanted, three survive: KMeans makes two.", third, num_speakers=2)
    add("one_too_few", "Three wanted, two survive: KMeans makes three.", half, num_speakers=3)
    add(
        "p14_emptied_speaker",
        "Three clusters of AHC, one emptied by VBx, three wanted: two survive, so KMeans runs.",
        (0.5, 0.5, 1e-12),
        num_speakers=3,
    )
    add(
        "p14_emptied_speaker_wanted",
        "Three clusters of AHC, one emptied by VBx, two wanted: two survive, so KMeans does not run.",
        (0.5, 0.5, 1e-12),
        num_speakers=2,
    )
    add(
        "prior_at_1e_7",
        "A prior of exactly 1e-7 does not survive: two are left, two wanted, no KMeans.",
        (*half, 1e-7),
        num_speakers=2,
    )
    add(
        "prior_one_ulp_above",
        "A prior one float above 1e-7 survives: three are left, two wanted, KMeans.",
        (*half, JUST_ABOVE),
        num_speakers=2,
    )
    add("prior_one_ulp_below", "A prior one float below does not: no KMeans.", (*half, JUST_BELOW), num_speakers=2)
    add("below_the_fewest", "At least three wanted, two survive: KMeans makes three.", half, min_speakers=3)
    add("at_the_fewest", "At least two wanted, two survive: KMeans does not run.", half, min_speakers=2)
    add("above_the_fewest", "At least two wanted, three survive: KMeans does not run.", third, min_speakers=2)
    add("above_the_most", "At most two wanted, three survive: KMeans makes two.", third, max_speakers=2)
    add("at_the_most", "At most three wanted, three survive: KMeans does not run.", third, max_speakers=3)
    add("below_the_most", "At most three wanted, two survive: KMeans does not run.", half, max_speakers=3)
    add("at_most_one", "At most one wanted, two survive: KMeans makes one.", half, max_speakers=1)
    add(
        "bounds_that_meet",
        "Between two and two wanted, three survive: KMeans makes two.",
        third,
        min_speakers=2,
        max_speakers=2,
    )
    add(
        "within_bounds",
        "Between one and four wanted, three survive: KMeans does not run.",
        third,
        min_speakers=1,
        max_speakers=4,
    )
    return cases.made


def kmeans() -> list[DecisionCase]:
    """Embeddings and the number imposed -> KMeans's clusters."""
    cases = Cases("kmeans", "kmeans")

    def add(name: str, about: str, rows: Sequence[dict[int, float]], wanted: int) -> None:
        priors = np.full(wanted + 1, 1.0 / (wanted + 1))
        cases.add(name, about, {"sp_final": priors, **training(*rows)}, num_speakers=wanted)

    def points(*rows: tuple[int, int, int]) -> list[dict[int, float]]:
        return [{axis: float(value) for axis, value in enumerate(row)} for row in rows]

    add("equal_rows", "Three equal embeddings in two clusters: one cluster stays empty.", [unit(0)] * 3, 2)
    add("two_equal_rows", "Two equal embeddings and one other in two clusters.", [unit(0), unit(1), unit(0)], 2)
    add(
        "more_than_directions",
        "Three clusters of two directions: only two can be told apart.",
        [unit(0), unit(1)] * 2,
        3,
    )
    add("as_many_as_rows", "As many clusters as embeddings: each its own.", [unit(0), unit(1), unit(2)], 3)
    add(
        "directions_not_lengths",
        "Embeddings are normalised first.",
        [unit(0), unit(0, 90.0), unit(1), unit(1, 90.0)],
        2,
    )
    add(
        "three_starts_seed_42",
        "Three starts with seed 42 end elsewhere than one start, ten starts, or three with seed 0.",
        points(
            (-3, -2, -3), (3, 3, 1), (-4, -4, -2), (-1, 1, 0), (-2, -3, 2), (2, -4, -3),
            (0, -1, 3), (0, -1, -1), (1, 1, -3), (2, 2, 4), (3, -2, -2), (1, 1, 2),
        ),
        3,
    )  # fmt: skip
    add(
        "three_starts_seed_42_again",
        "The same with five clusters.",
        points(
            (3, 0, 4), (4, 4, -4), (0, 1, -2), (-1, 1, 3), (1, -3, 2), (3, -3, 0),
            (-1, 4, -4), (0, 4, -1), (-3, 3, 4), (4, 4, -1), (2, 4, 1), (4, 1, -3),
        ),
        5,
    )  # fmt: skip
    return cases.made


def survivors() -> list[DecisionCase]:
    """Responsibilities, priors and KMeans's labels -> centroids: whose, and of what."""
    cases = Cases("survivors", "centroids")
    rows = training(unit(0, 2.0), unit(1, 4.0), unit(2, 8.0))

    def add(
        name: str,
        about: str,
        q: Sequence[Sequence[float]] | None = None,
        sp: Sequence[float] | None = None,
        labels: Sequence[int] | None = None,
        made: dict[str, np.ndarray] = rows,
        **bounds: int,
    ) -> None:
        inputs = {
            **made,
            "q_final": None if q is None else np.array(q, float),
            "sp_final": None if sp is None else np.array(sp, float),
            "kmeans_clusters": None if labels is None else np.array(labels, np.int32),
        }
        cases.add(name, about, inputs, **bounds)

    soft = ((0.5, 0.25, 0.25), (0.25, 0.5, 0.25), (0.25, 0.25, 0.5))
    add("all_survive", "Three priors above 1e-7: three centroids.", soft, (0.4, 0.3, 0.3))
    add("prior_at_1e_7", "A prior of exactly 1e-7 has no centroid.", soft, (0.5, 1e-7, 0.5))
    add("prior_one_ulp_above", "A prior one float above 1e-7 has one.", soft, (0.5, JUST_ABOVE, 0.5))
    add("prior_one_ulp_below", "A prior one float below has none.", soft, (0.5, JUST_BELOW, 0.5))
    add("prior_of_zero", "A prior of 0 has none.", soft, (0.5, 0.5, 0.0))
    add("prior_of_1e_4", "A prior of 1e-4 is small, and has a centroid.", soft, (0.5, 1e-4, 0.4999))
    add(
        "the_first_is_gone",
        "The first speaker is gone: the second and third keep their places, not the first two.",
        soft,
        (1e-9, 0.6, 0.4),
    )
    add("one_survives", "One survives: one centroid.", soft, (1.0, 1e-9, 1e-8))
    add(
        "soft_weights",
        "Responsibilities weight the mean: .75 and .25, not the best one alone.",
        ((0.75, 0.25), (0.25, 0.75), (0.5, 0.5)),
        (0.5, 0.5),
    )
    add(
        "raw_embeddings",
        "The mean is of raw embeddings, so that a long one weighs more.",
        ((1.0, 0.0), (1.0, 0.0), (0.0, 1.0)),
        (0.6, 0.4),
    )
    add(
        "p14_one_imposed",
        "Responsibilities [[.6, .4], [.6, .4]], priors .6 and .4, one speaker imposed: KMeans's plain mean of both.",
        ((0.6, 0.4), (0.6, 0.4)),
        (0.6, 0.4),
        (0, 0),
        training(unit(0, 2.0), unit(1, 4.0)),
        num_speakers=1,
    )
    add(
        "kmeans_decides",
        "KMeans's labels take the place of responsibilities.",
        soft,
        (0.4, 0.3, 0.3),
        (1, 1, 0),
        num_speakers=2,
    )
    add(
        "kmeans_left_one_empty",
        "Equal embeddings left KMeans one cluster short of the two imposed: its centroid is NaN.",
        ((1.0,), (1.0,), (1.0,)),
        (1.0,),
        (0, 0, 0),
        training(unit(0), unit(0), unit(0)),
        num_speakers=2,
    )
    add("one_embedding", "One embedding alone was not clustered: it is the centroid.", made=training(unit(3, 5.0)))
    nobody = {**training(unit(0)), **places(0)}
    add("no_embedding", "No embedding trains: one centroid, NaN throughout.", made=nobody)
    return cases.made


def set_aside() -> list[DecisionCase]:
    """Embeddings, centroids and who speaks -> scores, those of silent speakers one below the smallest."""
    cases = Cases("set_aside", "scoring")
    speakers = (unit(0, 2.0), unit(1, 3.0), {0: 3.0, 1: 4.0})
    both = np.zeros((2, DIMENSION))
    both[0, 0] = both[1, 1] = 1.0

    def add(
        name: str,
        about: str,
        segmentations: np.ndarray,
        made: np.ndarray,
        centroids: np.ndarray = both,
        count: int = 3,
        labels: Sequence[int] | None = None,
    ) -> None:
        inputs = {
            "embeddings": made,
            "centroids": centroids,
            "segmentations": segmentations,
            "train_chunk_idx": places(count)["train_chunk_idx"],
            "kmeans_clusters": None if labels is None else np.array(labels, np.int32),
        }
        cases.add(name, about, inputs)

    all_speak = speech([(0, 0, 100), (1, 100, 100), (2, 200, 100)])
    two_speak = speech([(0, 0, 100), (2, 200, 100)])
    add("all_speak", "All three speak: 2 minus the cosine distance, nobody set aside.", all_speak, embeddings(speakers))
    add("one_silent", "A silent speaker's scores are one below the smallest of all.", two_speak, embeddings(speakers))
    add(
        "one_frame_speaks",
        "A speaker with a single frame is not silent.",
        speech([(0, 0, 100), (1, 588, 1), (2, 9, 9)]),
        embeddings(speakers),
    )
    add(
        "silent_where_imposed",
        "Where a number was imposed, silent speakers are not set aside.",
        two_speak,
        embeddings(speakers),
        labels=(0, 1, 1),
    )
    add(
        "smallest_of_all_chunks",
        "The smallest score is looked for in all chunks, not in the silent speaker's own.",
        np.concatenate([two_speak, all_speak]),
        embeddings(speakers, (unit(0, -1.0), unit(1), unit(1, -2.0))),
    )
    add(
        "overlapped_is_not_silent",
        "A speaker who is never alone is not silent.",
        speech([(0, 0, 300), (1, 100, 50), (2, 400, 10)]),
        embeddings(speakers),
    )
    broken = embeddings(speakers)
    broken[0, 0, 7] = np.nan
    add(
        "nan_rows", "An embedding with NaN has NaN scores; all speak, so nothing else does.", all_speak, broken, count=2
    )
    add(
        "nan_and_silent",
        "With NaN among the scores the smallest is NaN, and so are a silent speaker's.",
        two_speak,
        broken,
        count=2,
    )
    empty = both.copy()
    empty[1] = np.nan
    add(
        "nan_centroid",
        "A centroid of NaN scores NaN against everybody.",
        all_speak,
        embeddings(speakers),
        empty,
        labels=(0, 0, 0),
    )
    add(
        "one_trained",
        "With one embedding there was nothing to cluster: all scores are 1, silent or not.",
        two_speak,
        embeddings(speakers),
        both[:1],
        count=1,
    )
    add(
        "none_trained",
        "With none, the same.",
        two_speak,
        embeddings(speakers),
        np.full((1, DIMENSION), np.nan, np.float32),
        count=0,
    )
    add(
        "not_normalised",
        "Lengths do not matter: cosine, not euclidean distance.",
        all_speak,
        embeddings((unit(0, 0.5), unit(1, 70.0), {0: 30.0, 1: 40.0})),
        both * 9,
    )
    return cases.made


def assignment() -> list[DecisionCase]:
    """Scores of each chunk -> a cluster for each of its speakers, or none."""
    cases = Cases("assignment", "assignment")

    def add(
        name: str, about: str, *chunks: Sequence[Sequence[float]], count: int = 2, labels: Sequence[int] | None = None
    ) -> None:
        inputs = {
            "soft_clusters": np.array(chunks, float),
            "train_chunk_idx": places(count)["train_chunk_idx"],
            "kmeans_clusters": None if labels is None else np.array(labels, np.int32),
        }
        cases.add(name, about, inputs)

    nan = float("nan")
    add("p18_tied_rows", "Scores [[0,0],[0,0],[1,1]]: SciPy's solver gives -2, 1, 0.", ((0, 0), (0, 0), (1, 1)))
    add("all_tied_square", "Three speakers, three clusters, all scores equal: in order.", ((1, 1, 1),) * 3)
    add("all_tied_wide", "Five clusters, all equal: the first three.", ((1, 1, 1, 1, 1),) * 3)
    add("all_tied_narrow", "Two clusters for three speakers, all equal: the last goes empty.", ((1, 1),) * 3)
    add("one_cluster_all_tied", "One cluster for three speakers, all equal: the first gets it.", ((1,),) * 3)
    add("tied_block", "Two speakers tie over two clusters, the third has its own.", ((1, 1, 0), (1, 1, 0), (0, 0, 1)))
    add("tied_tops", "Two speakers tie at the top, the third is below.", ((2, 2), (2, 2), (1, 1)))
    add("tied_last", "The first speaker is below, two tie above it.", ((1, 1), (2, 2), (2, 2)))
    add(
        "tied_totals", "Two assignments have the same total, crossed and straight.", ((2, 1, 0), (2, 1, 0), (0, 0, 0.5))
    )
    add(
        "best_total",
        "The best total wins over the best pair: 1.9 + 1.8, not 2 + 0.1.",
        ((2.0, 1.9, 0.0), (1.8, 0.1, 0.0), (0.0, 0.0, 1.0)),
    )
    add(
        "best_total_of_three",
        "A ring: each speaker gives up its best, and all gain.",
        ((1.9, 1.8, 0.1), (1.9, 0.2, 1.7), (1.6, 1.5, 1.4)),
    )
    add(
        "one_ulp_decides",
        "A score better by one float64 decides a tie.",
        ((1.0, 1.0), (above(1.0), 1.0), (0.0, 0.0)),
    )
    add(
        "both_prefer_the_same",
        "Two speakers of a chunk never share a cluster: the second takes its second best.",
        ((1.9, 1.0), (1.8, 1.5), (0.1, 0.2)),
    )
    add(
        "more_speakers_than_clusters",
        "Three speakers, two clusters: the one who fits worst gets -2.",
        ((1.2, 1.1), (1.9, 0.3), (0.2, 1.8)),
    )
    add(
        "more_clusters_than_speakers",
        "Four clusters: one stays empty.",
        ((0.1, 1.2, 0.3, 1.1), (0.2, 1.9, 0.1, 0.3), (1.3, 1.2, 0.1, 1.4)),
    )
    add(
        "silent_gives_way",
        "Silent speakers, set aside at -1, give way to the one who speaks.",
        ((-1.0,), (0.2,), (-1.0,)),
    )
    add(
        "silent_takes_what_is_left",
        "A silent speaker still takes a cluster that nobody else wants.",
        ((1.5, 0.2, 0.1), (-1.0, -1.0, -1.0), (0.1, 1.7, 0.3)),
    )
    add(
        "nan_is_the_smallest",
        "A NaN score counts as the smallest there is, -1, not as 0.",
        ((nan, 0.5, -1.0), (-1.0, 0.4, -1.0), (-1.0, -1.0, 0.2)),
    )
    add("nan_rows", "A speaker whose scores are all NaN takes what is left.", ((nan, nan), (0.3, 1.0), (1.1, 0.9)))
    add(
        "nan_as_in_another_chunk",
        "The smallest score is looked for in all chunks: -5 in the second.",
        ((nan, 0.5, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, 1.0)),
        ((-5.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    )
    add(
        "chunks_by_themselves",
        "Each chunk is assigned by itself.",
        ((1, 0), (0, 1), (0, 0)),
        ((0, 1), (1, 0), (0, 0)),
        ((0, 0), (1, 0), (0, 1)),
    )
    add(
        "imposed_share",
        "Where a number was imposed, two speakers of a chunk may share their best cluster.",
        ((1.9, 1.0), (1.8, 1.5), (0.1, 0.2)),
        labels=(0, 1),
    )
    add(
        "imposed_tied", "There, of equal scores the first cluster.", ((0.5, 0.5), (0.1, 0.9), (0.9, 0.9)), labels=(0, 1)
    )
    add("imposed_nan", "There, NaN wins an argmax.", ((1.0, nan), (nan, 0.9), (0.3, 0.2)), labels=(0, 0))
    add("one_trained", "With one embedding everybody is speaker 0.", ((1.0,), (1.0,), (1.0,)), count=1)
    add("none_trained", "With none, the same.", ((1.0,), (1.0,), (1.0,)), ((1.0,), (1.0,), (1.0,)), count=0)
    return cases.made
