"""Decisions of clustering: which merge is first, what the cut keeps, where VBx stops, who is left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from capture.decisions.made import Cases, above, below, halves, training, unit
from parity.fixtures.decisions import DecisionCase

ROOT2 = math.sqrt(2.0)
DIMENSIONS = 128
P17_POINTS = np.array([(0.0, 0.0), (1.0, 0.0), (0.5, 0.9)])
P17_CUT = 0.95


def merges() -> list[DecisionCase]:
    """Embeddings -> dendrogram and labels: order of merges, numbering."""
    cases = Cases("merges", "ahc")

    def add(name: str, about: str, *rows: Mapping[int, float], threshold: float = 0.6) -> None:
        cases.add(name, about, training(*rows), threshold=threshold)

    add(
        "four_tied",
        "Four embeddings, all sqrt(2) apart: of tied merges the first pair comes first.",
        *map(unit, range(4)),
    )
    add(
        "two_pairs_tied",
        "Two pairs of equal embeddings: both merge at 0, the first pair first.",
        unit(0),
        unit(1),
        unit(0),
        unit(1),
    )
    add("nested_pairs_tied", "The same, the pairs nested.", unit(0), unit(1), unit(1), unit(0))
    add("equal_rows", "Four equal embeddings: three merges at 0, one cluster.", *[unit(5)] * 4)
    add("two_embeddings", "Two embeddings make one merge and, as far apart as these, two clusters.", unit(0), unit(1))
    add("opposite", "Two embeddings in opposite directions are 2 apart.", unit(0), unit(0, -1.0))
    add(
        "only_directions",
        "Lengths do not matter: embeddings are normalised first.",
        unit(0),
        unit(0, 128.0),
        unit(1, 0.25),
    )
    add(
        "lengths_would_mislead",
        "Taken raw, the short ones of two directions would be neighbours.",
        unit(0, 0.25),
        unit(1, 0.25),
        unit(0, 64.0),
        unit(1, 64.0),
    )
    add(
        "numbered_by_the_tree", "Clusters are numbered by the tree, not as they first occur.", unit(0), unit(1), unit(1)
    )
    add(
        "numbered_by_the_tree_again",
        "Three clusters of which the first to occur is the last by number.",
        unit(1),
        unit(2),
        unit(2),
        unit(0),
        unit(0),
    )
    add("numbered_from_zero", "The first number is 0, not SciPy's 1.", unit(0), unit(0), unit(1))
    add(
        "centroid_not_average",
        "An embedding joins a pair at its distance from their centroid, below the cut; its average distance is above.",
        unit(0),
        unit(1),
        halves(),
        halves(1, 1, -1, -1),
        threshold=1.1,
    )
    return cases.made


def cut() -> list[DecisionCase]:
    """Embeddings and a threshold -> labels: at the cut, either side of it, and inversions."""
    cases = Cases("cut", "ahc")

    def add(name: str, about: str, rows: Sequence[Mapping[int, float]], threshold: float) -> None:
        cases.add(name, about, training(*rows), threshold=threshold)

    two, near = (unit(0), unit(1)), (unit(0), halves())
    triangle = tuple(map(unit, range(3)))
    add("at_the_cut", "A merge at exactly the threshold, sqrt(2), is kept.", two, ROOT2)
    add("one_ulp_above_the_cut", "A merge above the threshold by one float64 is not.", two, below(ROOT2))
    add("one_ulp_below_the_cut", "A merge below the threshold by one float64 is kept.", two, above(ROOT2))
    add("at_one", "The same at a distance of exactly 1: kept.", near, 1.0)
    add("one_ulp_above_one", "One float64 above: not kept.", near, below(1.0))
    add("one_ulp_below_one", "One float64 below: kept.", near, above(1.0))
    add(
        "zero_at_zero",
        "With a threshold of 0, equal embeddings are still one cluster.",
        (unit(0), unit(0), unit(1)),
        0.0,
    )
    add(
        "inversion_between",
        "Three corners merge at sqrt(2), then at 1.22: cut at 1.3 nothing is joined; the highest merge below counts.",
        triangle,
        1.3,
    )
    add("inversion_below", "Cut at 1.2, below both merges: three clusters.", triangle, 1.2)
    add("inversion_at_the_first", "Cut at sqrt(2), the first and highest merge: one cluster.", triangle, ROOT2)
    add("inversion_one_ulp_below", "Cut one float64 below the first merge: three clusters.", triangle, below(ROOT2))
    add(
        "inversion_beside_a_pair",
        "An inversion above the cut leaves the pair of equal embeddings beside it together.",
        (*triangle, unit(9), unit(9)),
        1.3,
    )
    add(
        "p17_inversion",
        "Three points, (0,0), (1,0), (.5,.9), laid on the unit sphere, cut at .95: three clusters; cut at a node's own "
        "height makes one.",
        _on_the_sphere(P17_POINTS),
        P17_CUT,
    )
    add("everything_joined", "A threshold above all merges: one cluster.", (*triangle, unit(0, -1.0)), 2.5)
    add("nothing_joined", "A threshold below all merges: each its own.", (*triangle, unit(0, -1.0)), 0.5)
    return cases.made


def _on_the_sphere(points: np.ndarray) -> list[dict[int, float]]:
    """Three points of a plane as unit vectors with the same distances."""
    a, b, c = points
    middle = np.linalg.solve(2 * np.array([b - a, c - a]), np.array([b @ b - a @ a, c @ c - a @ a]))
    height = math.sqrt(1 - float((a - middle) @ (a - middle)))
    return [{0: float(x), 1: float(y), 2: height} for x, y in points - middle]


def vbx() -> list[DecisionCase]:
    """Vectors of the PLDA space and AHC's labels -> responsibilities, priors, and where the iteration stops."""
    cases = Cases("vbx", "vbx")

    def add(
        name: str, about: str, rows: Sequence[float | Sequence[float]], labels: Sequence[int],
        phi: Sequence[float] = (8.0,), **parameters: float,
    ) -> None:  # fmt: skip
        post_plda, variances = np.zeros((len(rows), DIMENSIONS)), np.zeros(DIMENSIONS)
        post_plda[:, : len(phi)] = np.reshape(rows, (len(rows), -1))
        variances[: len(phi)] = phi
        inputs = {"post_plda": post_plda, "phi": variances, "ahc_clusters": np.array(labels, np.int64)}
        cases.add(name, about, inputs, **parameters)

    pairs, two = (4.0, 4.0, 4.0, -4.0, -4.0, -4.0), (0, 0, 0, 1, 1, 1)
    add(
        "one_speaker", "One cluster: the ELBO grows by nothing and it stops after two iterations.", (4.0,) * 4, (0,) * 4
    )
    add(
        "equal_rows_two_labels",
        "Equal vectors in two clusters share their responsibility half and half.",
        (4.0,) * 4,
        (0, 0, 1, 1),
    )
    add("two_speakers", "Two clear speakers: it stops where the ELBO grows by less than 1e-4.", pairs, two)
    add(
        "growth_between",
        "The ELBO grows by 2.7e-4, then by 3e-5: it stops at the second, not at the first.",
        (0.0, -1.0, -2.25, 1.25),
        (0, 0, 1, 0),
    )
    add(
        "stops_at_once",
        "The second iteration grows the ELBO by 2e-2, the third by 2e-5: it stops at three.",
        (0.5, 0.75, 1.25, 1.0),
        (1, 2, 0, 2),
    )
    add("twenty_iterations", "The ELBO keeps growing: it stops at twenty.", (-4.0, -3.75, 2.5, 1.75), (1, 1, 0, 1))
    add(
        "nineteen_iterations",
        "It grows by less than 1e-4 at the nineteenth, one before the last.",
        (0.5, -8.75, -10.5, -7.0),
        (1, 0, 0, 0),
    )
    add(
        "an_emptied_speaker",
        "A cluster of one among six equals is emptied: its prior falls below 1e-11.",
        (*[16.0] * 6, *[-16.0] * 5, 15.0),
        (*[0] * 6, *[1] * 5, 2),
    )
    add(
        "a_small_speaker_stays",
        "A prior of 2.3e-6 is small, and above 1e-7.",
        (8.0, 8.0, 8.0, 8.0, -8.0),
        (0, 0, 0, 1, 2),
    )
    add(
        "start_from_labels",
        "Responsibilities start from the labels, e^7 to one: half of the equal vectors stay where they were put.",
        ((4.0, 0.0), (4.0, 0.0), (0.0, 4.0), (0.0, 4.0)),
        (0, 1, 0, 1),
        (8.0, 4.0),
    )
    add("other_fa_fb", "Fa and Fb are read from the parameters.", pairs, two, fa=0.3, fb=17.0)
    add("one_iteration", "At most one iteration: no growth is looked at.", pairs, two, max_iterations=1)
    add("two_iterations", "At most two iterations.", (-4.0, -3.75, 2.5, 1.75), (1, 1, 0, 1), max_iterations=2)
    return cases.made
