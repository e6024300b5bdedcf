"""Every JSON that the lab writes has a published schema, with a version, that what is written fits and little else."""

from __future__ import annotations

import importlib
import json
import re
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support import ROOT
from support.schemas import schemas, valid, validator
from support.table_examples import document
from typer.main import get_command

from fuzz import materials
from parity.__main__ import app
from parity.report.calibration_naming import naming_document, read_document

OPTIONS = {
    "parity run": ("schema.json", "one_stage_schema.json"),
    "parity compare": ("comparison_schema.json",),
    "parity check": ("check_schema.json",),
    "parity stages": ("stages_schema.json",),
    "parity layers": ("layers_schema.json",),
    "parity diagnose": ("diagnosis_schema.json",),
    "parity explain": ("explain_schema.json", "case_schema.json"),
    "parity margins": ("margins_schema.json",),
    "parity calibrate": ("calibration_schema.json", "calibration_dumps_schema.json", "calibration_naming_schema.json"),
    "parity stability": ("stability_schema.json",),
    "parity runtimes": ("runtimes_schema.json",),
    "parity verification": ("verification_schema.json",),
    "parity history": ("history_schema.json",),
    "parity audio": ("checkup_schema.json",),
    "parity rnnt decode": ("rnnt_decode_schema.json",),
    "parity rnnt replay": ("steps_schema.json",),
    "parity rnnt calibrate": ("calibration_schema.json", "calibration_naming_schema.json"),
}
"""A command with `--json` -> the schemas of what it writes; a command that is missing here fails a test."""

OTHERS = {
    "diarization_schema.json",  # --format json
    "fingerprint_schema.json",
    "kit_schema.json",
    "kit_decisions_schema.json",
    "manifest_schema.json",
    "manifest_rnnt_schema.json",
    "noise_schema.json",
    "beside_stability_schema.json",
    "truth_schema.json",
    "decisions_schema.json",
    "bench_schema.json",
    "bench_rnnt_schema.json",
    "bench_layers_schema.json",
    "bench_cuts_schema.json",
    "corpus_schema.json",  # files of a folder that has no other reader
    "corpus_store_schema.json",
    "corpus_side_schema.json",
    "corpus_answer_schema.json",
    "device_schema.json",
    "programs_schema.json",
    "fuzz_schema.json",
    "kills_schema.json",
    "peers_schema.json",
    "release_schema.json",
    "captures_schema.json",
}
"""Of files that no `--json` writes."""

CODE = {
    "schema.json": ("parity.report.document", "SCHEMA"),
    "explain_schema.json": ("parity.report.document", "EXPLAIN_SCHEMA"),
    "margins_schema.json": ("parity.report.frames", "MARGINS_SCHEMA"),
    "stability_schema.json": ("parity.report.frames", "STABILITY_SCHEMA"),
    "comparison_schema.json": ("parity.report.comparison", "SCHEMA"),
    "calibration_schema.json": ("parity.report.calibration", "SCHEMA"),
    "calibration_dumps_schema.json": ("parity.report.calibration_dumps", "SCHEMA"),
    "calibration_naming_schema.json": ("parity.report.calibration_naming", "SCHEMA"),
    "runtimes_schema.json": ("parity.report.runtimes", "SCHEMA"),
    "steps_schema.json": ("parity.report.steps", "SCHEMA"),
    "check_schema.json": ("parity.report.check", "SCHEMA"),
    "one_stage_schema.json": ("parity.report.one_stage", "SCHEMA"),
    "diagnosis_schema.json": ("parity.report.diagnosed", "SCHEMA"),
    "checkup_schema.json": ("parity.report.checkup", "SCHEMA"),
    "diarization_schema.json": ("parity.answers.document", "SCHEMA"),
    "case_schema.json": ("parity.explain.case", "SCHEMA"),
    "kit_schema.json": ("parity.fixtures.kits", "SCHEMA"),
    "kit_decisions_schema.json": ("parity.fixtures.decisions", "SCHEMA"),
    "manifest_schema.json": ("parity.fixtures.snapshot", "SCHEMA"),
    "noise_schema.json": ("parity.fixtures.noise", "SCHEMA"),
    "beside_stability_schema.json": ("parity.fixtures.stability", "SCHEMA"),
    "truth_schema.json": ("parity.fixtures.truth", "SCHEMA"),
    "peers_schema.json": ("peers.report", "SCHEMA"),
    "history_schema.json": ("parity.report.history", "SCHEMA"),
    "release_schema.json": ("release.publish", "SCHEMA"),
    "corpus_schema.json": ("parity.corpus.summary", "REPORT_SCHEMA"),
    "corpus_store_schema.json": ("parity.corpus.store", "SCHEMA"),
    "corpus_side_schema.json": ("parity.corpus.hypothesis", "SCHEMA"),
    "corpus_answer_schema.json": ("parity.corpus.hypothesis", "SCHEMA"),
}


def naming(folder: Path) -> dict[str, Any]:
    """A calibration of diagnoses, of the row that the fuzzing has."""
    path = folder / "x.json"
    path.write_bytes(materials.named_trials()[0]["x.json"])
    return naming_document(read_document(path, "w"), weights="w", seconds=0.0)


EXAMPLES = {
    "schema.json": lambda _: document("run"),
    "comparison_schema.json": lambda _: document("compare"),
    "calibration_schema.json": lambda _: document("calibrate"),
    "calibration_naming_schema.json": naming,
    "layers_schema.json": lambda _: document("layers"),
    "runtimes_schema.json": lambda _: document("runtimes"),
    "verification_schema.json": lambda _: document("verification"),
    "stability_schema.json": lambda _: document("stability"),
    "margins_schema.json": lambda _: document("margins"),
    "steps_schema.json": lambda _: document("rnnt replay"),
    "bench_schema.json": lambda _: document("bench"),
    "bench_rnnt_schema.json": lambda _: document("bench.rnnt"),
    "peers_schema.json": lambda _: document("peers"),
    "manifest_schema.json": lambda _: _kept("14_partial_tail/manifest.json"),
    "manifest_rnnt_schema.json": lambda _: _kept("rnnt/small/manifest.json"),
    "decisions_schema.json": lambda _: _kept("decisions/cut/manifest.json"),
    "noise_schema.json": lambda _: _kept("14_partial_tail/noise.json"),
    "beside_stability_schema.json": lambda _: _kept("14_partial_tail/stability.json"),
    "truth_schema.json": lambda _: _kept("02_pyannote_sample/truth.json"),
    "corpus_answer_schema.json": lambda _: _answered("made_00000"),
}


ANSWERED = ROOT / "docs" / "measured" / "corpus" / "pyannote"


def _answered(name: str) -> Any:
    return json.loads((ANSWERED / f"{name}.json").read_text(encoding="utf-8"))


def _kept(name: str) -> Any:
    return json.loads((ROOT / "fixtures" / name).read_text(encoding="utf-8"))


def _json_options(group: Any, path: str):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _json_options(command, f"{path} {name}")
        elif any("--json" in parameter.opts for parameter in command.params):
            yield f"{path} {name}"


def test_every_command_that_writes_json_says_which_schema_it_fits():
    assert set(_json_options(get_command(app), "parity")) == set(OPTIONS)
    assert {name for names in OPTIONS.values() for name in names} | OTHERS == set(schemas())


@pytest.mark.parametrize("name", sorted(schemas()))
def test_a_schema_says_what_it_is_of_and_which_version(name):
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"]
    written = schema.get("properties") or schema["anyOf"][0]["properties"]
    number = re.search(r", schema (\d+)$", schema["title"])
    assert number or "schema" not in written
    assert number is None or "schema" not in written or written["schema"] == {"const": int(number[1])}


@pytest.mark.parametrize("name", sorted(CODE))
def test_the_version_of_a_schema_is_what_the_code_writes(name):
    module, constant = CODE[name]
    assert f", schema {getattr(importlib.import_module(module), constant)}" in schemas()[name]["title"]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_is_written_fits_and_nothing_else_does(name, tmp_path):
    found = valid(EXAMPLES[name](tmp_path), name)
    optional = set(schemas()[name]["properties"]) - set(schemas()[name]["required"])
    for key in set(found) - optional:
        assert not validator(name).is_valid({one: value for one, value in found.items() if one != key}), key
    assert not validator(name).is_valid({**found, "more": 1})
    assert not validator(name).is_valid({**found, "schema": 99})


HERE = {"corpus_side_schema.json"}
"""Held against what is kept by a test of this module, which does not look into itself."""


@pytest.mark.parametrize("name", sorted({name for names in OPTIONS.values() for name in names} | OTHERS))
def test_a_schema_is_held_against_a_document_by_a_test(name):
    """By name, in one of the tests: what a command wrote, or what makes its document."""
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    assert name in EXAMPLES or name in HERE or any(f'"{name}"' in text for text in tests)


@pytest.mark.parametrize("kind", ["manifest", "noise", "stability", "truth"])
def test_what_lies_in_and_beside_every_snapshot_fits(kind):
    files = sorted((ROOT / "fixtures").glob(f"*/{kind}.json"))
    assert files
    for path in files:
        name = {"stability": "beside_stability_schema.json"}.get(kind, f"{kind}_schema.json")
        valid(path, name)


def test_what_pyannote_answered_a_corpus_fits():
    valid(_answered("side"), "corpus_side_schema.json")
    files = sorted(ANSWERED.glob("made_*.json"))
    assert len(files) == 100
    for path in files:
        valid(path, "corpus_answer_schema.json")


@pytest.mark.parametrize(
    "where, name",
    [
        ("decisions/*/manifest.json", "decisions_schema.json"),
        ("rnnt/*/manifest.json", "manifest_rnnt_schema.json"),
        ("rnnt/*/noise.json", "noise_schema.json"),
    ],
)
def test_what_decision_cases_and_rnnt_snapshots_keep_fits(where, name):
    files = sorted((ROOT / "fixtures").glob(where))
    assert files
    for path in files:
        valid(path, name)


def test_the_page_lists_what_there_is():
    made = runpy.run_path(str(ROOT / "docs" / "make_schemas.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/make_schemas.py"
