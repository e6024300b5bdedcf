"""What a map may say: every key that is unknown, or of another kind, is refused with map, artefact and value."""

from __future__ import annotations

import re

import pytest
from support.refusals import refusal

from parity.maps import known_maps, parse_map, read_map

HEAD = "schema = 1\n"
ONE = '[artefacts.embeddings]\nfile = "e.npz"\nkey = "e"\n'
WRONG = {
    "schema = 2\n" + ONE: r"m: schema = 2; this lab reads maps of schema 1",
    ONE: r"m: schema = None",
    "schema = ": r"m: not TOML \(",
    HEAD: r"m: holds no \[artefacts.NAME\]",
    HEAD + "colour = 1\n" + ONE: r"m: unknown key colour; ",
    HEAD + 'about = 3\n' + ONE: r"m: about = '3'; it is text",
    HEAD + "artefacts = 3\n": r"m: holds no \[artefacts.NAME\]",
    HEAD + "artefacts.embeddings = 3\n": r"m: \[artefacts.embeddings\]: is '3', expected a table",
    HEAD + '[artefacts.embedings]\nfile = "a.npy"': r"no artefact; did you mean embeddings\?",
    HEAD + ONE + 'scael = 2': r"m: \[artefacts.embeddings\]: unknown key scael; did you mean scale\?",
    HEAD + "[artefacts.embeddings]\n": r"file is not given; it says in which file it lies",
    HEAD + '[artefacts.embeddings]\nfile = "a.xyz"': r"format is not given; it is one of npy, npz",
    HEAD + '[artefacts.embeddings]\nfile = "a.bin"\nformat = "wav"': r"format = 'wav'; it is one of npy",
    HEAD + '[artefacts.embeddings]\nfile = "a.npz"': r"key is not given; it says which array of the .npz",
    HEAD + '[artefacts.embeddings]\nfile = "a.npy"\nkey = "e"': r"key = 'e'; it is for files that hold more than one",
    HEAD + ONE + "scale = 0": r"scale = '0'; it makes everything 0",
    HEAD + ONE + "scale = true": r"scale = 'True'; it is a finite number",
    HEAD + ONE + "offset = inf": r"m: not TOML \(number inf is not finite\)",
    HEAD + ONE + "axes = [0, 2]": r"axes = '\[0, 2\]'; it is an order of the axes 0 to 1",
    HEAD + ONE + "reshape = [-1, -1]": r"reshape = '\[-1, -1\]'; it has lengths of axes, at most one of them -1",
    HEAD + ONE + "reshape = []": r"reshape = '\[\]'; it is a list of whole numbers",
    HEAD + ONE + "reshape = [99999999999999999999]": r"it is a list of whole numbers of at most",
    HEAD + ONE + "index = [99999999999999999999]": r"a list with a whole number or a range",
    HEAD + ONE + 'index = ["1-2"]': r"index = .* a list with a whole number or a range",
    HEAD + ONE + 'dtype = "float128"': r"dtype = 'float128'; it is one of bool, int8",
    HEAD + ONE + 'stored = "float32"': r"stored = 'float32'; it is for files of bare numbers",
    HEAD + ONE + "chunks = [0]": r"chunks = '\[0\]'; it is for artefacts that may be kept of some chunks only: ",
    HEAD + ONE + 'window = "seconds"': r"window = 'seconds'; it is one of chunks, frames",
    HEAD + ONE + 'optional = "yes"': r"optional = 'yes'; it is true or false",
    HEAD + ONE + "fields = {start = \"s\"}": r"fields = .* it names columns of turns in json or csv",
    HEAD + '[artefacts.embeddings]\nfile = "a.rttm"': r"format is not given; it turns lie in rttm, json or csv",
    HEAD + '[artefacts.diarization]\nfile = "a.npy"': r"turns lie in rttm, json or csv",
    HEAD + '[artefacts.diarization]\nfile = "a.json"\nscale = 2': r"scale = '2'; it is for arrays, and these are turns",
    HEAD + '[artefacts.diarization]\nfile = "a.json"\nfields = {begin = "s"}': r"any of start, end, duration, speaker",
    HEAD + 'extends = "speaker"': r"m: extends = 'speaker'; only the lab's own maps can be built on: cpp-annote, dia",
    HEAD + 'leave_out = ["count"]\n' + ONE: r"goes with `extends`",
    HEAD + 'extends = "speakrs"\nleave_out = ["phi"]': r"leave_out names phi; speakrs has segmentations, count",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_map_is_refused_in_one_line(text):
    said = refusal(parse_map, text, "m")
    assert re.search(WRONG[text], said), said


def test_a_name_that_is_no_map_offers_those_there_are():
    assert "did you mean speakrs? there are cpp-annote, dia, speakrs" in refusal(read_map, "speakr")


def test_a_map_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "m.toml"
    path.write_bytes(b"\xff\xfe")
    assert "m.toml: cannot be read as UTF-8 text" in refusal(read_map, path)


def test_the_labs_own_maps_are_read_and_ask_for_turns():
    assert set(known_maps()) == {"cpp-annote", "dia", "speakrs"}
    for name in known_maps():
        assert not read_map(name).entries["diarization"].optional and read_map(name).about


def test_a_map_built_on_another_has_its_entries_less_those_left_out():
    own = parse_map(HEAD + 'extends = "cpp-annote"\nleave_out = ["q_final"]\n' + ONE, "m")
    base = read_map("cpp-annote")
    assert set(base.entries) - set(own.entries) == {"q_final"}
    assert own.entries["embeddings"].file == "e.npz" and own.entries["phi"] == base.entries["phi"]
