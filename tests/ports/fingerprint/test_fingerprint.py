"""Fingerprints: what they prove, what they leave open, and that little seen is never called parity."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from support import ROOT
from support.command_line import here
from support.dump_examples import FIXTURE, copy_of, other_local_order, other_numbering, reference
from support.refusals import refusal

from parity.ports.dump.comparison import DIFFERENT, EQUIVALENT, EXACT, PARTLY_SEEN, UNTOLD, DumpComparison
from parity.ports.dump.reading import Dump
from parity.ports.fingerprint import (
    Fingerprint,
    compare_sides,
    fingerprint_of,
    fingerprint_text,
    read_fingerprints,
    sides,
)
from parity.report.comparison import comparison_data, comparison_document
from parity.report.headline import of_comparison

SCHEMA = json.loads((ROOT / "parity" / "ports" / "fingerprint_schema.json").read_text(encoding="utf-8"))


def of(dump: Dump, **asked: int) -> Fingerprint:
    return fingerprint_of(dump, FIXTURE, **asked)


def compared(dump: Dump, **asked: int) -> DumpComparison:
    """A dump's fingerprint against the fixture's arrays."""
    return compare_sides(FIXTURE, reference().folder, of(dump, **asked))


def verdict_of(found: DumpComparison, name: str) -> str:
    return next(entry.verdict for entry in found.artefacts if entry.name == name)


def changed(name: str, change) -> Dump:
    made = copy_of(reference())
    made.values[name] = change(made.values[name])
    return made


def headline(found: DumpComparison) -> str:
    return of_comparison(comparison_document([comparison_data(found)], [], {}))


def test_the_same_arrays_are_at_parity_by_their_hashes():
    found = compared(reference())
    assert found.verdict == "parity" and {entry.verdict for entry in found.artefacts} == {EXACT}
    assert found.seen == "a fingerprint: 24 of 24 artefacts whole, by their hashes"


def test_another_dtype_of_the_same_numbers_is_equivalent():
    found = compared(changed("ahc_clusters", lambda labels: labels.astype(np.int32)))
    assert verdict_of(found, "ahc_clusters") == EQUIVALENT and found.verdict == "parity"


def test_what_is_within_tolerance_as_far_as_it_was_seen_is_not_called_parity():
    found = compared(changed("embeddings", lambda emb: emb + np.float32(1e-6)))
    assert verdict_of(found, "embeddings") == PARTLY_SEEN and found.verdict == "limited coverage"
    said = headline(found)
    assert said.startswith("LIMITED COVERAGE. What was seen agrees. Seen of a fingerprint: 23 of 24 artefacts whole")
    assert "256 of 16,128 numbers, extremes and means. Next: compare the arrays themselves." in said


def test_without_a_sample_little_is_seen_and_said():
    found = compared(changed("embeddings", lambda emb: emb + np.float32(1e-6)), most=0)
    assert found.verdict == "limited coverage" and "0 of 16,128 numbers" in found.seen


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("embeddings", lambda emb: emb * np.float32(1.001)),
        ("fbank", lambda fbank: fbank + np.float32(0.01)),
        ("dendrogram", lambda merges: merges * np.array([1, 1, 1.01, 1])),
        ("elbo_trajectory", lambda elbo: elbo[:-1]),
        ("post_plda", lambda plda: plda * 1.01),
        ("discrete_diarization", lambda frames: np.zeros_like(frames)),
        ("diarization", lambda text: text.replace("6.730", "6.731")),
    ],
)
def test_what_no_convention_explains_is_drift_and_named(name, change):
    found = compared(changed(name, change))
    assert found.verdict == "drift" and found.first_drift.name == name and verdict_of(found, name) == DIFFERENT
    assert headline(found).startswith(f"DRIFT. First to drift: {name}")


@pytest.mark.parametrize(
    ("dump", "untold"),
    [
        (lambda: other_numbering(reference(), np.array([1, 0])), "hard_clusters"),
        (lambda: other_local_order(reference(), np.tile([2, 0, 1], (21, 1))), "embeddings"),
        (lambda: changed("post_plda", lambda plda: plda[::-1]), "post_plda"),
        (lambda: changed("count", lambda count: np.vstack([count, count[-1:]])), "count"),
        (lambda: changed("segmentations", _one_frame_otherwise), "segmentations"),
    ],
)
def test_what_a_convention_may_explain_is_inconclusive(dump, untold):
    found = compared(dump())
    assert found.verdict == "inconclusive" and verdict_of(found, untold) == UNTOLD and found.first_drift is None
    assert headline(found).startswith("INCONCLUSIVE. ")


def _one_frame_otherwise(segmentations: np.ndarray) -> np.ndarray:
    segmentations[1, 548, 2] = 0  # whose two best classes are all but tied in the reference
    return segmentations


def test_turns_under_other_names_in_another_order_have_one_hash():
    lines = reference().values["diarization"].replace("SPEAKER_0", "spk").splitlines(keepends=True)
    assert verdict_of(compared(changed("diarization", lambda text: "".join(lines[::-1]))), "diarization") == EXACT


def test_the_reference_may_be_the_fingerprint_and_both_may():
    drifted = changed("embeddings", lambda emb: emb * np.float32(1.001))
    for other in (reference().folder, of(reference())):
        found = compare_sides(FIXTURE, of(drifted), other)
        assert found.verdict == "drift" and found.first_drift.name == "embeddings"


def test_a_subset_of_chunks_is_compared_with_those_chunks():
    made = copy_of(reference())
    made.values["fbank"], made.beside["fbank_chunks"] = made.values["fbank"][1:2], made.beside["fbank_chunks"][1:2]
    assert verdict_of(compared(made), "fbank") == EXACT


def test_the_answer_has_to_be_among_what_is_compared():
    made = copy_of(reference())
    for name in [name for name in made.values if name != "embeddings"]:
        del made.values[name]
    found = compared(made)
    assert found.verdict == "limited coverage" and "Not compared: diarization" in headline(found)


def test_a_hash_that_contradicts_the_sample_is_refused():
    forged, true = of(changed("embeddings", lambda emb: emb * 2)), of(reference())
    values = dict(forged.values)
    own = values["embeddings"]
    values["embeddings"] = type(own)(**{**vars(own), "sha256": true.values["embeddings"].sha256})
    said = refusal(compare_sides, FIXTURE, reference().folder, Fingerprint(FIXTURE, "x", values))
    assert said.startswith("embeddings: the hashes are equal and yet") and "contradicts itself" in said


def test_a_dump_out_of_form_has_no_fingerprint():
    bad = changed("q_final", lambda q: np.full_like(q, np.nan))
    assert "values are NaN" in refusal(of, bad)


def test_what_is_written_is_read_again_and_follows_its_schema(tmp_path):
    text = fingerprint_text([of(reference(), most=16)], 0)
    Draft202012Validator(SCHEMA).validate(json.loads(text))
    path = tmp_path / "f.json"
    path.write_text(text)
    assert compare_sides(FIXTURE, reference().folder, read_fingerprints(path)[FIXTURE]).verdict == "parity"
    both, alone = sides(path, path)
    assert list(both) == [FIXTURE] and alone == []


DOCUMENT = json.loads(fingerprint_text([of(reference(), most=4)], 0))


def _set(*way: str, to: Any):
    def change(document: dict[str, Any]) -> None:
        for step in way[:-1]:
            document = document[step]
        document[way[-1]] = to

    return change


ARTEFACTS = ("recordings", FIXTURE, "artefacts")
WRONG = {
    "kind": (_set("kind", to="other"), "not a fingerprint"),
    "schema": (_set("schema", to=2), "a fingerprint of schema 2; this lab reads schema 1"),
    "empty": (_set("recordings", FIXTURE, to={}), "holds no `artefacts`"),
    "artefact": (_set(*ARTEFACTS, "embedings", to={}), "no artefact is called embedings; did you mean embeddings?"),
    "missing": (_set(*ARTEFACTS, "phi", to={"dtype": "float64"}), "phi: lacks shape, sha256"),
    "none": (_set(*ARTEFACTS, "phi", to=3), "phi: lacks everything"),
    "unknown": (_set(*ARTEFACTS, "phi", "median", to=3), "phi: unknown key median"),
    "hash": (_set(*ARTEFACTS, "phi", "sha256", to="00"), "sha256 = '00'; 64 hexadecimal digits"),
    "shape": (_set(*ARTEFACTS, "phi", "shape", to=[-1]), "shape = '[-1]'; a list of whole numbers from 0"),
    "nan": (_set(*ARTEFACTS, "phi", "nan", to=1.5), "nan = '1.5'; a whole number from 0"),
    "count": (_set(*ARTEFACTS, "phi", "nan", to=500), "500 NaN, 0 infinite of 128: contradicts its means"),
    "mean": (_set(*ARTEFACTS, "phi", "mean", to=1e9), "and the sample contradict each other"),
    "rms": (_set(*ARTEFACTS, "phi", "rms", to=0.0), "and the sample contradict each other"),
    "sample": (_set(*ARTEFACTS, "phi", "sample", to=["x"]), "sample = \"['x']\"; numbers, null for NaN"),
    "outside": (_set(*ARTEFACTS, "phi", "sample", to=[1e9] * 4), "and the sample contradict each other"),
    "short": (_set(*ARTEFACTS, "phi", "sample", to=[]), "4 indices and 0 elements of 128"),
    "order": (_set(*ARTEFACTS, "phi", "index", to=[3, 2, 5, 6]), "index is not ascending below 128"),
    "chunks": (_set(*ARTEFACTS, "fbank", "chunks", to=[1]), "chunks = (1,) for shape [3, 998, 80]"),
    "number": (_set(*ARTEFACTS, "phi", "rms", to="1"), "rms = '1'; a finite number, or null"),
    "turns": (_set(*ARTEFACTS, "diarization", "speakers", to=99), "13 turns of 99 speakers"),
}


def test_a_fingerprint_that_says_a_thing_twice_is_refused(tmp_path):
    path = tmp_path / "f.json"
    path.write_text(json.dumps(DOCUMENT).replace('"schema": 1', '"schema": 1, "schema": 1'))
    assert "key 'schema' is there twice" in refusal(read_fingerprints, path)


@pytest.mark.parametrize("case", WRONG)
def test_a_fingerprint_that_is_none_is_refused_in_one_line(case, tmp_path):
    document = copy.deepcopy(DOCUMENT)
    change, expected = WRONG[case]
    change(document)
    path = tmp_path / "f.json"
    path.write_text(json.dumps(document))
    said = refusal(read_fingerprints, path)
    assert said.startswith(str(path)) and expected in said, said


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_file_that_is_no_json_object_is_refused(text, tmp_path):
    path: Path = tmp_path / "f.json"
    path.write_text(text)
    assert refusal(read_fingerprints, path).startswith(f"{path}: ")


def test_the_commands_write_one_and_compare_it(tmp_path):
    done = here("fingerprint", reference().folder, tmp_path / "f.json")
    assert done.returncode == 0 and "f.json: 24 artefacts of 1 recordings" in done.stdout, done.stderr
    done = here("compare", reference().folder, tmp_path / "f.json", "--json", tmp_path / "c.json")
    assert done.returncode == 0 and done.stdout.startswith("PARITY. 24 of 24 artefacts compared"), done.stderr
    assert json.loads((tmp_path / "c.json").read_text())["recordings"][0]["seen"].startswith("a fingerprint: 24 of 24")
