"""Mistakes of two stages looked up on made-up inputs: named, named together, and not named."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from support.made_up_rows import GIVEN, NATIVE, WORKSHOP, made

from parity.community1.ahc import cluster_ahc
from parity.diagnosis.look_up import look_up
from parity.faults.fault import Fault
from parity.faults.known.planting import fault, instead


def cut_at(threshold: float) -> Fault:
    return fault(
        f"cut_at_{threshold}", "ahc", f"the cut at {threshold}", instead(partial(cluster_ahc, threshold=threshold))
    )


def raises(*training: np.ndarray) -> None:
    raise ValueError("no such thing")


FAULTS = [
    cut_at(0.3),
    cut_at(1.2),
    fault("broken", "ahc", "raises", instead(raises)),
    fault("other", "vbx", "", instead(raises)),
]


def asked(threshold: float, faults=FAULTS):
    return look_up("ahc", GIVEN, made(threshold), made(0.6), NATIVE, WORKSHOP, faults, drifted=["ahc_clusters"])


def test_the_mistake_that_makes_what_the_candidate_made_is_named():
    found = asked(1.2)
    assert found.mistake.name == "cut_at_1.2" and found.mistake.left.worst == 0.0
    assert found.runner_up.name == "cut_at_0.3" and found.runner_up.left.worst > 0.01
    assert "the cut at 1.2" in found.check and found.kit.endswith("(ahc)")


def test_mistakes_that_are_the_same_there_are_named_together():
    alike = np.nextafter(1.2, 2.0)
    found = asked(1.2, [*FAULTS, cut_at(alike)])
    assert set(found.names) == {"cut_at_1.2", f"cut_at_{alike}"}


def test_what_raises_is_said_and_stops_nothing():
    found = asked(1.2)
    assert found.tried == 3 and len(found.not_tried) == 1
    assert found.not_tried[0].startswith("broken: ") and "no such thing" in found.not_tried[0]


def test_without_the_mistake_nothing_is_named():
    found = asked(1.2, [FAULTS[0], FAULTS[2]])
    assert found.mistake is None and found.verdict == "nothing known" and found.runner_up.name == "cut_at_0.3"


def test_two_mistakes_in_one_stage_are_found_as_a_pair():
    def later(change):
        return lambda native, workshop: lambda *training: (native(*training)[0], change(native(*training)[1]))

    reversed_, doubled = (
        fault(name, "ahc", name, later(change))
        for name, change in (("reversed", lambda labels: labels[::-1]), ("doubled", lambda labels: labels * 2))
    )
    want = made(0.6)
    got = {**want, "ahc_clusters": want["ahc_clusters"][::-1] * 2}
    found = look_up("ahc", GIVEN, got, want, NATIVE, WORKSHOP, [reversed_, doubled], drifted=["ahc_clusters"])
    assert "reversed" in found.mistake.name and "doubled" in found.mistake.name


def test_behind_a_mistake_that_runs_nothing_of_what_stood_there_no_other_is_tried():
    ran: list[str] = []

    def later(native, workshop):
        def run(*training):
            ran.append("doubled")
            return native(*training)[0], native(*training)[1] * 2

        return run

    def instead_of_all(native, workshop):
        def run(*training):
            ran.append("alone")
            return cluster_ahc(*training, threshold=0.3)

        return run

    faults = [fault("doubled", "ahc", "twice", later), fault("alone", "ahc", "0.3", instead_of_all)]
    want = made(0.6)
    got = {**want, "ahc_clusters": made(0.3)["ahc_clusters"][::-1]}
    found = look_up("ahc", GIVEN, got, want, NATIVE, WORKSHOP, faults, drifted=["ahc_clusters"])
    assert found.mistake is None
    each, pair = ["doubled", "alone"], ["doubled", "alone"]  # what is alone, then twice its labels
    assert ran == [*each, *pair]


def test_no_time_is_said():
    found = look_up("ahc", GIVEN, made(1.2), made(0.6), NATIVE, WORKSHOP, FAULTS, budget_seconds=-1.0)
    assert found.mistake is None and "no time was left" in found.not_tried[0]


@pytest.mark.parametrize("wrong", [0.001, 5.0])
def test_a_value_between_those_that_are_known_is_not_one_of_them(wrong):
    names = asked(wrong).names
    assert not names or all(
        np.array_equal(made(float(n.rpartition("_")[2]))["ahc_clusters"], made(wrong)["ahc_clusters"]) for n in names
    )


def test_a_mistake_that_changes_what_the_native_stage_made_spoils_it_for_no_other():
    def in_place(native, workshop):
        def run(*training):
            dendrogram, labels = native(*training)
            labels[:] = 0
            return dendrogram, labels

        return run

    spoils = fault("spoils", "ahc", "all in one", in_place)
    doubles = fault("doubles", "ahc", "twice", lambda n, w: lambda *t: (n(*t)[0], n(*t)[1] * 2))
    want = made(0.6)
    got = {**want, "ahc_clusters": want["ahc_clusters"] * 2}
    found = look_up("ahc", GIVEN, got, want, NATIVE, WORKSHOP, [spoils, doubles], drifted=["ahc_clusters"])
    assert found.mistake.name == "doubles" and found.mistake.left.worst == 0.0


def test_what_is_the_same_as_far_as_both_go_is_explained_by_no_mistake():
    """A dump without its last chunk differs in length alone; every mistake that does nothing else would fit."""
    found = look_up("ahc", GIVEN, made(0.6), made(0.6), NATIVE, WORKSHOP, [cut_at(0.6)], drifted=["ahc_clusters"])
    assert found.mistake is None and found.runner_up is None and "only how much they hold" in found.note
