"""The decision cases as a kit: every case, as a program is asked it."""

from __future__ import annotations

import json

import numpy as np
from support.command_line import here, only_error
from support.schemas import valid

from parity.fixtures.decisions import read_decisions
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.kit_decisions import LISTED, write_decisions

CASES = read_decisions()


def test_the_kit_holds_every_case_with_its_inputs_parameters_and_answer(tmp_path):
    assert write_decisions(tmp_path / "kit", CASES) == len(CASES)
    listed = valid(tmp_path / "kit" / LISTED, "kit_decisions_schema.json")["cases"]
    assert [entry["id"] for entry in listed] == [case.id for case in CASES]
    for case, entry in zip(CASES, listed, strict=True):
        folder = tmp_path / "kit" / case.kind / case.name
        assert {path.stem for path in (folder / "in").iterdir()} == {*entry["reads"], "parameters"}
        assert {path.stem for path in (folder / "out").iterdir()} == set(entry["writes"]) == set(entry["tolerance"])
        for name in [name for name in case.expected if not name.endswith("diarization")]:
            dtype = np.load(folder / "out" / f"{name}.npy").dtype
            assert dtype == ARTEFACTS[name].dtype or name == "centroids"  # float32 where a number was imposed
        for name, value in case.inputs.items():
            assert np.array_equal(np.load(folder / "in" / f"{name}.npy"), value, equal_nan=True)
        parameters = json.loads((folder / "in" / "parameters.json").read_text(encoding="utf-8"))
        assert parameters["threshold"] == case.parameters.get("threshold", 0.6)


def test_on_the_command_line(tmp_path):
    done = here("kit", tmp_path / "kit", "--decisions")
    assert done.returncode == 0 and f"{len(CASES)} decision cases" in " ".join(done.stdout.split())
    assert "exists already" in only_error(here("kit", tmp_path / "kit", "--decisions"))
    assert "--decisions: no recording" in only_error(here("kit", tmp_path / "other", "02", "--decisions"))
