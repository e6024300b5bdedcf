"""parity.json: its schema holds, every key is documented, and it reads back as it was."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from support import ROOT
from support.report_examples import WEIGHTS, example, results
from support.schemas import keys

from parity.explain import explanation
from parity.report import document as module
from parity.report.document import SCHEMA, document, to_json

TEXT = (ROOT / "parity" / "report" / "schema.json").read_text(encoding="utf-8")
DOCUMENTED = (ROOT / "docs" / "reference" / "parity-json.md").read_text(encoding="utf-8")


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(TEXT)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_a_document_with_everything_in_it_is_valid():
    validator().validate(example())


def test_the_example_leaves_nothing_out_that_could_be_there():
    found = {fixture["name"]: fixture for fixture in example()["fixtures"]}
    assert all(value is not None for key, value in found["b_bad"].items() if key != "error")
    assert found["c_wrong"]["timeline"] is None
    assert found["d_silent"]["embedding_map"] is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: run.pop("summary"),
        lambda run: run.update(schema=1),
        lambda run: run["fixtures"][0].pop("timeline"),
        lambda run: run["fixtures"][0].update(strange=1),
        lambda run: run["fixtures"][0]["energy"]["db"].append(-101),
        lambda run: run["fixtures"][1]["timeline"]["reference"][0].append(1),
        lambda run: run["fixtures"][1]["explanation"]["stages"][0].update(verdict="guilty"),
    ],
)
def test_the_schema_refuses_what_is_not_of_its_form(damage):
    run = example()
    damage(run)
    assert not validator().is_valid(run)


def test_the_number_of_the_schema_is_the_same_everywhere():
    assert json.loads(TEXT)["properties"]["schema"]["const"] == SCHEMA
    assert DOCUMENTED.startswith(f"# `parity.json`, schema {SCHEMA}\n")


@pytest.mark.parametrize("key", sorted(set(keys(json.loads(TEXT)))))
def test_every_key_is_documented(key):
    assert f"`{key}`" in DOCUMENTED


def test_the_schema_knows_every_verdict_and_direction():
    defined = json.loads(TEXT)["$defs"]
    verdicts, directions = defined["verdict"]["properties"]["verdict"], defined["patch"]["properties"]["direction"]
    words = {value for name, value in vars(explanation).items() if name.isupper() and isinstance(value, str)}
    assert set(verdicts["enum"]) | set(directions["enum"]) == words


def test_text_reads_back_as_the_data_and_lists_of_numbers_stand_on_one_line():
    found = document(results(), WEIGHTS, 1.0, 'brackets [\\n  1, 2\\n] "quoted"\n[\n 1\n]')
    text = to_json(found)
    assert json.loads(text) == json.loads(json.dumps(found))
    assert re.search(r'^ *"db": \[-100\.0, -30\.5, .*\],?$', text, re.MULTILINE)


def test_numbers_that_json_lacks_are_text_at_any_depth():
    assert module.finite({"a": [float("inf"), (float("nan"), 1.0)]}) == {"a": ["inf", ["nan", 1.0]]}
