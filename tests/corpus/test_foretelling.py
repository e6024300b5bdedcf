"""Flips that were to be expected, by hand, and the tables that say what decided them."""

import json

import pytest

from parity.corpus.foretelling import calibration, foretold, headrooms, kinds, within
from parity.corpus.reasons import TABLES, reasons, why


def kind(stage, smallest, drift, least=None):
    least = least if least is not None or not drift else smallest / drift
    return {"stage": stage, "decision": f"{stage}'s", "smallest": smallest, "drift": drift, "least_headroom": least}


def row(name, *margins, changed=False, **more):
    told = {
        "as_kept": True,
        "out_of_tolerance": None,
        "first_decision": None,
        "born": "",
        "together": "",
        "failure": None,
    }
    said = {"decisive": "embeddings" if changed else None, "error": None, **told, **more}
    return {"recording": name, "changed": changed, "margins": json.dumps(margins), **said}


def side():
    """Three recordings: far from flipping, close by, and flipped, after which assignment took other decisions."""
    return [
        row("far", kind("ahc", 8.0, 1.0), kind("vbx", 1.0, None), kind("assignment", 4.0, 1.0)),
        row("near", kind("ahc", 2.0, 0.5), kind("vbx", 1.0, 0.5), kind("assignment", 1.0, 0.9)),
        row("over", kind("ahc", 1.0, 4.0), kind("assignment", 5.0, None), changed=True, first_decision="ahc"),
    ]


EXPLAINED = {"native": [row("far", kind("ahc", 8.0, None))], "small": side()}


def test_the_first_decision_that_may_fall_is_the_one_with_the_headroom():
    found = headrooms(EXPLAINED, "native")
    assert [(row["stage"], row["headroom"]) for row in found] == [
        ("assignment", 4.0),
        ("assignment", pytest.approx(1 / 0.9)),
        ("ahc", 0.25),
    ]
    assert [row["another_iteration"] for row in found] == [True, False, False]


def test_a_chance_is_of_the_others_drifts_that_reach_over_the_margins():
    far, near, over = (row["chance"] for row in headrooms(EXPLAINED, "native"))
    # far: ahc 8 against 0.5, 4; assignment 4 against 0.9.  near: ahc 2 against 1, 4; assignment 1 against 1.
    assert far == 0 and near == pytest.approx(1 - (1 - 0.25) * (1 - 0.5))
    assert over == pytest.approx(1 - (1 - 0.25))  # ahc 1 against 1, 0.5; assignment 5 against 1, 0.9


def test_what_drifts_nowhere_flips_nowhere():
    (found,) = headrooms({"native": [], "same": [row("a", kind("ahc", 1.0, 0.0))]}, "native")
    assert (found["headroom"], found["stage"], found["chance"], found["another_iteration"]) == (None, None, 0, False)


def test_the_base_has_headroom_where_a_capture_stands_in_its_place():
    explained = {"native": [row("a", kind("ahc", 1.0, 0.5))]}
    (found,) = headrooms(explained, "native")
    assert found["headroom"] == 2 and [row["side"] for row in kinds(explained, "native")] == ["native"]
    assert headrooms({"native": EXPLAINED["native"]}, "native") == []


def test_expected_and_seen_flips_are_counted_by_side_and_together():
    rows = headrooms({**EXPLAINED, "other": side()[:2]}, "native")
    small, other, both = foretold(rows)
    assert (small["flips"], small["below_1"], small["flips_below_1"]) == (1, 1, 1)
    assert small["expected"] == pytest.approx(0.625 + 0.25) and small["expected_within_2"] and small["below_1_within_2"]
    assert (other["flips"], other["below_1"], both["recordings"], both["side"]) == (0, 0, 5, "all")
    assert small["another_iteration"] == 1 and small["flips_with_another_iteration"] == 0
    assert (small["half_below_1"], small["half_below_1_within_2"], small["fell"], small["fell_below_1"]) == (
        0.5,
        True,
        1,
        1,
    )


@pytest.mark.parametrize(
    "said, seen, right",
    [(5, 10, True), (4.9, 10, False), (20, 10, True), (21, 10, False), (0.4, 0, True), (1, 0, False)],
)
def test_within_a_factor_of_two(said, seen, right):
    assert within(said, seen) is right


def test_bins_of_headroom_and_chance_hold_every_recording_once():
    found = list(calibration(headrooms(EXPLAINED, "native")))
    for by in ("headroom", "chance"):
        assert sum(row["recordings"] for row in found if row["by"] == by) == 3
    first = found[0]
    assert (first["from"], first["to"], first["share"], first["flips"]) == (0.0, 0.3, 1.0, 1)
    assert 0 < first["low"] < 1 == first["high"]


def test_each_kind_says_how_often_it_was_below_1():
    found = {row["stage"]: row for row in kinds(EXPLAINED, "native")}
    assert (found["ahc"]["below_1"], found["ahc"]["flips_below_1"], found["ahc"]["least"]) == (1, 1, 0.25)
    assert (found["ahc"]["first_below_1"], found["ahc"]["flips_first_below_1"]) == (1, 1)
    assert (found["assignment"]["below_1"], found["assignment"]["first_below_1"]) == (1, 0)  # it fell behind ahc
    assert (found["vbx"]["below_1"], found["vbx"]["flips_below_1"]) == (1, 0)


def test_reasons_of_flips_in_words_and_counted():
    tables = reasons(EXPLAINED, "native", {})
    assert set(tables) == set(TABLES) == set(reasons({}, None, {})) and len(tables["explained"]) == 4
    said = {(row["role"], row["stage"]): row["flips"] for row in tables["decides"]}
    assert said == {("decides", "embeddings"): 1, ("first to decide otherwise", "ahc"): 1}
    short = {("small", row["recording"]): row for row in EXPLAINED["small"]}
    flip = {"side": "small", "recording": "over"}
    assert why(flip, short, "native") == "embeddings decides, ahc first otherwise"
    assert why({**flip, "recording": "far"}, short, "native").startswith("as native: native itself")
    assert why({**flip, "recording": "gone"}, short, "native") == ""
    short["native", "far"] = EXPLAINED["native"][0]
    assert why({"side": "native", "recording": "far"}, short, "native").startswith("native itself")
