"""`parity compare --json`: what it writes has the form its schema says, and every key is documented."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pytest
import referencing
from support import ROOT
from support.command_line import here
from support.dump_examples import copy_of, reference, write
from support.report_examples import example
from support.schemas import keys

from parity.ports.dump.comparison import compare_dumps
from parity.report.comparison import SCHEMA, comparison_data, comparison_document
from parity.report.document import to_json

OWN, SHARED = (
    json.loads((ROOT / "parity" / "report" / name).read_text(encoding="utf-8"))
    for name in ("comparison_schema.json", "schema.json")
)
DOCUMENTED = (ROOT / "docs" / "reference" / "comparison-json.md").read_text(encoding="utf-8")


def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(OWN)
    shared = referencing.Resource.from_contents(SHARED)
    registry = referencing.Registry().with_resource("schema.json", shared)
    return jsonschema.Draft202012Validator(OWN, registry=registry)


def far_off() -> dict[str, Any]:
    """One recording with everything in it: every kind of verdict, a shape, an infinity, turns that differ, gaps."""
    dump = copy_of(reference())
    dump.values["embeddings"] = dump.values["embeddings"] * 32768
    dump.values["masks"] = dump.values["masks"][:-1]
    dump.values["post_plda"] = -dump.values["post_plda"]
    dump.values["centroids"][0, 0] = np.inf
    del dump.values["dendrogram"]
    dump.values["diarization"] = "".join(dump.values["diarization"].splitlines(keepends=True)[1:])
    data = comparison_data(compare_dumps("port", reference(), dump))
    data["explanation"] = next(f["explanation"] for f in example()["fixtures"] if f.get("explanation"))
    return comparison_document([data], ["c: only in theirs, not compared"], {"a": "a/phi.npy: truncated"})


def test_a_document_with_everything_in_it_is_valid():
    found = far_off()
    (recording,) = found["recordings"]
    assert {a["verdict"] for a in recording["artefacts"]} == {"exact", "equivalent", "different"}
    assert any(a["looks_like"] for a in recording["artefacts"]) and recording["margins_unknown"]
    assert recording["turns"]["diarization"]["only_reference"] and recording["class_chunks"] == [3, 21]
    validator().validate(json.loads(to_json(found)))


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found.pop("errors"),
        lambda found: found.update(schema=SCHEMA + 1),
        lambda found: found["recordings"][0].update(strange=1),
        lambda found: found["recordings"][0]["artefacts"][0].update(verdict="fine"),
        lambda found: found["recordings"][0]["margins"][0].pop("ties"),
        lambda found: found["recordings"][0]["explanation"]["stages"][0].update(verdict="guilty"),
        lambda found: found["recordings"][0]["turns"]["diarization"]["only_reference"][0].append(1),
    ],
)
def test_the_schema_refuses_what_is_not_of_its_form(damage):
    found = json.loads(to_json(far_off()))
    damage(found)
    assert not validator().is_valid(found)


def test_what_the_command_writes_is_valid(tmp_path):
    for side, names in (("ours", "ab"), ("theirs", "abc")):
        for name in names:
            write(tmp_path / side / name, reference(), only=("soft_clusters", "segmentations", "diarization"))
    (tmp_path / "ours" / "a" / "soft_clusters.npy").write_bytes(b"")
    done = here("compare", tmp_path / "theirs", tmp_path / "ours", "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    validator().validate(found)
    assert done.returncode == 2 and list(found["errors"]) == ["a"] and len(found["not_compared"]) == 1
    assert [recording["verdict"] for recording in found["recordings"]] == ["parity"]
    assert found["verdict"] == "error" and found["version"]


@pytest.mark.parametrize("key", sorted(set(keys(OWN))))
def test_every_key_is_documented(key):
    assert f"`{key}`" in DOCUMENTED


def test_the_number_of_the_schema_is_the_same_everywhere():
    assert OWN["properties"]["schema"]["const"] == SCHEMA
    assert DOCUMENTED.startswith(f"# `parity compare --json`, schema {SCHEMA}\n")
