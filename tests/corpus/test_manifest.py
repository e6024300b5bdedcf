"""Manifests: read in every form, and everything that is wrong with one is said at once."""

import json

import pytest

from parity.corpus.hypothesis import Hypothesis, of_failure, read_hypothesis, write_hypothesis, write_side
from parity.corpus.manifest import read_manifest
from parity.errors import InputError

DIGEST = "0" * 64


@pytest.fixture
def folder(tmp_path):
    for name in ("a.wav", "b.wav", "a.rttm"):
        (tmp_path / name).write_text("")
    return tmp_path


def written(folder, text, name="corpus.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


ROWS = [
    {"recording": "b", "audio": "b.wav", "dataset": "d", "num_speakers": 3},
    {"recording": "a", "audio": "a.wav", "human_rttm": "a.rttm", "sha256": DIGEST},
]


def test_three_forms_of_one_manifest_are_the_same(folder):
    import pandas as pd

    csv = written(
        folder, f"recording,audio,human_rttm,dataset,num_speakers,sha256\nb,b.wav,,d,3,\na,a.wav,a.rttm,,,{DIGEST}\n"
    )
    lines = written(folder, "".join(json.dumps(row) + "\n" for row in ROWS), "corpus.jsonl")
    pd.DataFrame(ROWS).to_parquet(folder / "corpus.parquet")
    found = [read_manifest(path) for path in (csv, lines, folder / "corpus.parquet")]
    assert found[0] == found[1] == found[2]
    assert [(entry.recording, entry.num_speakers, entry.sha256) for entry in found[0]] == [
        ("a", None, DIGEST),
        ("b", 3, None),
    ]
    assert found[0][0].human_rttm == folder / "a.rttm"


def test_everything_wrong_is_said_at_once(folder):
    text = "recording,audio,num_speakers,sha256,datset\n"
    text += "../a,a.wav,,,\n,gone.wav,0,abc,\nb,b.wav,,,\nb,b.wav,,,\n"
    with pytest.raises(InputError) as error:
        read_manifest(written(folder, text))
    said = str(error.value)
    for words in (
        "7 things are wrong", "did you mean dataset?", "row 1: recording '../a'", "row 2: recording is empty",
        "row 2: audio gone.wav: no such file", "row 2: num_speakers '0'", "row 2: sha256 'abc'",
        "row 4: b is row 3's name already",
    ):  # fmt: skip
        assert words in said


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("corpus.csv", "recording,audio\n", "no recordings"),
        ("corpus.csv", "recording,audio\na\n", "row 1 has not as many cells"),
        ("corpus.csv", "recording,recording\na,b\n", "a column is there twice"),
        ("corpus.jsonl", "[]\n", "line 1 is no object"),
        ("corpus.jsonl", "{\n", "cannot be read as a manifest"),
        ("corpus.parquet", "PAR1", "cannot be read as a manifest"),
        ("corpus.txt", "", "ends in '.txt'"),
    ],
)
def test_what_is_no_manifest_is_refused(folder, name, text, said):
    with pytest.raises(InputError, match=said):
        read_manifest(written(folder, text, name))


# answers


def test_answers_are_kept_whole_and_are_those_of_one_side(tmp_path):
    found = Hypothesis("a", DIGEST, None, "", "", 1.5, 3.0, 0, 0)
    write_side(tmp_path, {"side": "x"})
    write_hypothesis(tmp_path, found)
    assert read_hypothesis(tmp_path, "a") == found and read_hypothesis(tmp_path, "b") is None
    assert found.answers(DIGEST, None) and not found.answers(DIGEST, 2) and not found.answers("1" * 64, None)
    write_side(tmp_path, {"side": "x"})
    with pytest.raises(InputError, match=r"answers made otherwise lie there \(side\)"):
        write_side(tmp_path, {"side": "y"})


def test_a_failure_is_an_answer_that_answers_nothing():
    failed = of_failure(ValueError("one\ntwo"), recording="a", audio_sha256=DIGEST)
    assert failed.error == "ValueError: one two" and not failed.answers(DIGEST, None)


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 2}', '{"schema": 1, "recording": "a", "audio_sha256": ""}'])
def test_a_damaged_answer_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json"):
        read_hypothesis(tmp_path, "a")
