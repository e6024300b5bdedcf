"""Groups of recordings, by hand: in how many is the number of flips foretold within a factor of two?"""

import csv

from support import ROOT

from parity.corpus.foretelling import foretold
from parity.corpus.grouping import groups, shares

MEASURED = ROOT / "docs" / "measured" / "corpus" / "runtimes"


def row(number, headroom, flipped=False, chance=0.0, side="small"):
    fell = flipped or (headroom is not None and headroom < 1)
    return {"side": side, "recording": f"r{number:02d}", "headroom": headroom, "chance": chance, "fell": fell,
            "flipped": flipped, "another_iteration": False}  # fmt: skip


def of(found, by, **more):
    return [one for one in found if one["by"] == by and all(one[key] == value for key, value in more.items())]


SMALL = [row(number, 0.5 if number < 8 else 2.0, number < 3, 0.1) for number in range(20)]
STILL = [row(number, None, side="still") for number in range(9)]
SPEAKERS = {f"r{number:02d}": 1 + number % 2 for number in range(19)}  # of the last one nobody knows


def test_a_side_is_a_group_and_so_are_its_recordings_by_speakers_and_by_headroom():
    found = groups(SMALL, SPEAKERS)
    (whole,) = of(found, "side")
    assert (whole["recordings"], whole["flips"], whole["below_1"], whole["half_below_1"]) == (20, 3, 8, 4)
    assert (whole["below_1_within_2"], whole["half_below_1_within_2"], whole["expected_within_2"]) == (
        False,
        True,
        True,
    )
    assert [(one["which"], one["recordings"], one["flips"]) for one in of(found, "speakers")] == [
        ("1", 10, 2),
        ("2", 9, 1),
    ]
    parts = of(found, "headroom")
    assert [(one["which"], one["below_1"], one["flips"]) for one in parts] == [("1 of 2", 8, 3), ("2 of 2", 0, 0)]
    # Of the second half nothing flips; its headroom says so, its chances of 0.1 ten times say that one does.
    assert (parts[1]["below_1_within_2"], parts[1]["expected_within_2"], parts[1]["telling"]) == (True, False, True)


def test_groups_without_flips_seen_or_foretold_are_right_and_tell_nothing():
    found = groups([*STILL, *SMALL], SPEAKERS)
    assert not any(one["telling"] for one in found if one["side"] == "still")
    (sides,) = [one for one in shares(found) if one["by"] == "side"]
    assert (sides["side"], sides["groups"], sides["telling"]) == ("all", 2, 1)
    assert (sides["below_1_within_2"], sides["below_1_within_2_telling"]) == (1, 0)
    assert (sides["half_below_1_within_2"], sides["half_below_1_within_2_telling"]) == (2, 1)
    by_headroom = {one["side"]: one for one in shares(found) if one["by"] == "headroom"}
    assert {side: one["groups"] for side, one in by_headroom.items()} == {"still": 1, "small": 2, "all": 3}
    assert (by_headroom["all"]["below_1_within_2"], by_headroom["all"]["expected_within_2"]) == (2, 1)


def test_what_drifts_nowhere_comes_last_and_nothing_gives_no_rows():
    mixed = [row(number, None if number < 10 else 5.0 + number, number >= 10) for number in range(20)]
    first, last = of(groups(mixed, {}), "headroom")
    assert (first["flips"], last["flips"]) == (10, 0)
    assert groups([], {}) == [] and list(shares([])) == []


def test_the_tables_that_are_published_follow_from_the_headroom_that_is_published_beside_them():
    rows = [
        {**one, "headroom": float(one["headroom"] or "inf"), "chance": float(one["chance"])}
        | {name: one[name] == "True" for name in ("fell", "flipped", "another_iteration")}
        for one in written("headroom")
    ]
    assert len(rows) == 300 and [as_written(one) for one in foretold(rows)] == written("foretold")
    found = [as_written(one) for one in shares(groups(rows, {}))]
    assert found == [one for one in written("foretold_shares") if one["by"] != "speakers"]


def written(name):
    with (MEASURED / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def as_written(row):
    return {key: str(value) for key, value in row.items()}
