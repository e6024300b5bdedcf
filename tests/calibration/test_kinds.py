"""Kinds planted on the artefacts of 02: none is named wrongly, and the page says what was measured."""

from __future__ import annotations

import importlib.util

from support import ROOT

from parity.calibration.kinds import PLANTS, RIGHT, WRONG, plant_kinds
from parity.fixtures.snapshot import read_snapshot


def test_no_planted_kind_is_named_wrongly_and_each_is_named_somewhere() -> None:
    snapshot = read_snapshot(ROOT / "fixtures" / "02_pyannote_sample")
    found = plant_kinds(snapshot.values, snapshot.chunks)
    assert [one for one in found if one.outcome == WRONG] == []
    assert {one.plant for one in found if one.outcome == RIGHT} == {plant.name for plant in PLANTS if plant.kind}
    controls = [plant.name for plant in PLANTS if not plant.kind]
    assert all(not one.said for one in found if one.plant in controls)


def test_the_page_has_the_measured_table() -> None:
    spec = importlib.util.spec_from_file_location("make_kinds", ROOT / "docs" / "make_kinds.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()
