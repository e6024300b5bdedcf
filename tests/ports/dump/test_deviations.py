"""`deviations.toml`: every key is checked for its name, its type and its range, and everything wrong is said."""

from __future__ import annotations

import dataclasses
import os

import pytest
from support.dump_examples import reference, write
from support.refusals import refusal

from parity.community1.parameters import Parameters
from parity.errors import InputError
from parity.ports.dump.checks import check_dump
from parity.ports.dump.deviations import (
    FILE,
    FLAG,
    KEYS,
    MOST_BYTES,
    WHOLE,
    check_declared,
    declared_in,
    in_words,
    read_deviations,
    with_declared,
)
from parity.ports.dump.reading import read_dump


def test_whatever_is_a_plain_number_of_the_parameters_may_be_declared():
    assert set(KEYS) == {field.name for field in dataclasses.fields(Parameters)}
    declared, problems = check_declared(dataclasses.asdict(Parameters()), "here")
    assert not problems and declared == dataclasses.asdict(Parameters())


@pytest.mark.parametrize("name", sorted(KEYS))
def test_the_ends_of_every_range_are_taken_or_refused_as_it_says(name):
    key = KEYS[name]
    if key.kind == FLAG:
        assert check_declared({name: True}, "x") == ({name: True}, [])
        return
    for end, beyond in ((key.low, -1), (key.high, 1)):
        assert bool(check_declared({name: end}, "x")[1]) is key.open_
        assert check_declared({name: end + beyond}, "x")[1]
    middle = (key.low + key.high) // 2 if key.kind == WHOLE else (key.low + key.high) / 2
    assert check_declared({name: middle}, "x") == ({name: middle}, [])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fa": "0.3"}, "x: fa = '0.3': expected a number above 0 and below 1000; it is VBx's scaling"),
        ({"fa": True}, "x: fa = True: expected a number"),
        ({"fa": float("nan")}, "x: fa = nan: expected a number"),
        ({"max_iterations": 2.0}, "x: max_iterations = 2.0: expected a whole number from 1 to 1000"),
        ({"exclude_overlap": 1}, "x: exclude_overlap = 1: expected true or false"),
        ({"chunk_step": 0.05}, "x: chunk_step = 0.05: expected a number from 0.1 to 10; it is seconds"),
        ({"num_speakers": "two"}, "x: num_speakers = 'two': expected a whole number from 1 to 127, or \"none\""),
        ({"Fa": 0.3}, "x: 'Fa' is nothing that can be declared; did you mean fa? there are: chunk_step,"),
        ({"max_iteration": 3}, "did you mean max_iterations"),
        ({"vbx": {"fa": 0.3}}, "x: 'vbx' is nothing that can be declared"),
        ({"min_speakers": 4, "max_speakers": 3}, "x: min_speakers=4 exceeds max_speakers=3"),
        (["fa"], "x: is ['fa'], expected names and values, as in fa = 0.3"),
    ],
)
def test_what_is_wrong_is_said_with_what_was_expected(given, said):
    _, problems = check_declared(given, "x")
    assert len(problems) == 1 and said in problems[0]
    assert said in refusal(declared_in, given, "x")


def test_everything_wrong_is_said_at_once_and_what_is_right_is_kept():
    declared, problems = check_declared({"fa": 0, "Fb": 1, "fb": 0.5}, "x")
    assert len(problems) == 2 and declared == {"fb": 0.5}


def test_none_takes_a_bound_away_in_toml_and_in_json():
    away = {"num_speakers": None, "max_speakers": None}
    assert declared_in({"num_speakers": "none", "max_speakers": None}, "x") == away
    assert with_declared(Parameters(num_speakers=4), {"num_speakers": None}, "x").num_speakers is None
    said = in_words({"num_speakers": None, "fa": 0.3}, {"num_speakers": 4})
    assert said == "num_speakers = none instead of 4, fa = 0.3"


def test_what_contradicts_the_recordings_own_bounds_is_refused():
    with pytest.raises(InputError, match="here: min_speakers=3 exceeds max_speakers=2"):
        with_declared(Parameters(max_speakers=2), {"min_speakers": 3}, "here")


@pytest.mark.parametrize(
    ("text", "said"),
    [("fa = ", "cannot be read as TOML"), ("\udcff", "cannot be read as TOML"), ("#" * (MOST_BYTES + 1), "holds more")],
)
def test_a_file_that_is_no_toml_is_one_line(tmp_path, text, said):
    path = tmp_path / FILE
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert said in refusal(read_deviations, path) and str(path) in refusal(read_deviations, path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "a device, pipe or socket, expected a file" in refusal(read_deviations, tmp_path / "pipe")


def test_a_dump_says_what_it_declares_and_is_checked_with_it(tmp_path):
    folder = write(tmp_path / "port", reference(), ("count", "embeddings"))
    (folder / FILE).write_text("chunk_step = 1.1\nfa = 0.3\n")
    dump = read_dump(folder)
    assert dump.declared == {"chunk_step": 1.1, "fa": 0.3} and not dump.problems
    # 21 chunks of another step make another number of frames, and that is what the form asks for.
    (said,) = check_dump(read_dump(write(folder, reference(), ("segmentations",))))[0]
    assert "frames = 1779" in said and "has 1897" in said
    (folder / FILE).write_text("fa = -1\nFB = 2\n")
    assert [problem.split(": ")[1].split(" =")[0] for problem in check_dump(read_dump(folder))[0][:2]] == [
        "'FB' is nothing that can be declared; did you mean fb? there are", "fa"
    ]  # fmt: skip
