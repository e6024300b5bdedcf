"""Who may import whom: no torch outside `capture`, no lab inside the numerics."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT
from support.imports import imports, modules, of

HEAVY = ("torch", "torchaudio", "pyannote.audio", "lightning", "pytorch_lightning", "torchcodec")
KNOWN_TO_NUMERICS = {"community1", "networks", "rnnt", "audio", "pipeline", "files", "names", "checkout", "errors"}
FLOORS = (
    ("__main__",),
    ("commands",),
    ("testing",),
    ("report",),
    ("history",),
    ("corpus",),
    ("subjects",),
    ("gate",),
    ("calibration",),
    ("diagnosis",),
    ("faults",),
    ("layers",),
    ("embedding",),
    ("explain",),
    ("ports",),
    ("margins",),
    ("replay",),
    ("fixtures",),
    ("maps",),
    ("diarize",),
    ("answers",),
    ("measure",),
    ("sources",),
    ("kept",),
    ("community1", "rnnt"),
    ("networks",),
    ("audio",),
    ("pipeline",),
    ("tables",),
    ("files",),
    ("console",),
    ("names", "checkout"),
    ("errors",),
)
"""The house, top floor first: a room imports only from rooms on floors below its own, never from its own floor's.

`parity/__init__.py` is the door, not a room: it hands on names from any floor, lazily, and holds the version.
"""
OPTIONAL = {
    **{f"parity.networks.wespeaker.{name}_runtime": name for name in ("torch", "mlx", "ncnn")},
    **dict.fromkeys(("parity.networks.pyannet_torch", "parity.networks.torch_device"), "torch"),
}
"""Modules that import what an extra brings, or what has no wheel everywhere: loaded by name, when asked for."""
LEADS_TO = {
    "parity.networks.wespeaker.runtime": [name for name in OPTIONAL if name.endswith("_runtime")],
    "parity.community1.networks": ["parity.networks.pyannet_torch"],
}
GENERAL = (
    "parity.replay.engine",
    "parity.replay.subject",
    "parity.pipeline.stage",
    "parity.pipeline.recurrent",
    "parity.explain.delta",
    "parity.pipeline.artefact",
)
ROOMS = tuple(room for floor in FLOORS for room in floor)
LAB = tuple(room for room in ROOMS if room not in KNOWN_TO_NUMERICS)
NUMERICS = ("parity.community1", "parity.networks", "parity.rnnt")

IMPORT_EVERYTHING = f"""
OPTIONAL = {sorted(OPTIONAL)}
import importlib, json, pkgutil, sys
import parity
names = [info.name for info in pkgutil.walk_packages(parity.__path__, "parity.", onerror=lambda name: sys.exit(name))]
names = [name for name in names if name not in OPTIONAL]
for name in names:
    importlib.import_module(name)
print(json.dumps({{"imported": names, "loaded": sorted(sys.modules)}}))
"""


def fresh_interpreter(code: str) -> dict:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


# what the checks themselves see


@pytest.mark.parametrize(
    "line, seen",
    [
        ("import torch", {"torch"}),
        ("import torch.nn as nn", {"torch.nn"}),
        ("from torch import nn", {"torch", "torch.nn"}),
        ("def f():\n    from parity import replay", {"parity", "parity.replay"}),
        ("from ..replay import x", {"parity.replay", "parity.replay.x"}),
        ("from . import vbx", {"parity.community1", "parity.community1.vbx"}),
        ("if TYPE_CHECKING:\n    import torch", {"torch"}),
    ],
)
def test_imports_are_seen_wherever_and_however_they_are_written(tmp_path, line, seen):
    (tmp_path / "module.py").write_text(line)
    assert imports("parity.community1.module", tmp_path / "module.py") == seen


def test_a_package_is_told_from_one_whose_name_begins_alike():
    assert of({"torchmetrics", "torch.nn", "pyannote.audio.core", "pyannote.core"}, *HEAVY) == [
        "pyannote.audio.core",
        "torch.nn",
    ]


# the rules


def test_importing_every_module_of_parity_loads_neither_torch_nor_pyannote_audio():
    seen = fresh_interpreter(IMPORT_EVERYTHING)
    assert {"parity.replay.outcome", "parity.community1.vbx", "parity.networks.wespeaker.graph"} <= set(
        seen["imported"]
    )
    assert set(modules("parity")) - {"parity", *OPTIONAL} == set(seen["imported"]), "a module is in no package"
    assert of(set(seen["loaded"]), *HEAVY, "mlx", "ncnn") == []
    assert of(set(seen["loaded"]), "capture", "bench", "peers") == []


@pytest.mark.parametrize("package", ["parity", "parity.replay.outcome", "parity.gate.gate"])
def test_importing_a_part_loads_neither_torch_nor_pyannote_audio(package):
    code = f"import json, sys, {package}\nprint(json.dumps(sorted(sys.modules)))"
    assert of(set(fresh_interpreter(code)), *HEAVY) == []


@pytest.mark.parametrize("name, path", sorted(modules("parity").items()))
def test_no_module_of_parity_imports_torch_or_capture_even_inside_a_function(name, path):
    foreign = {*HEAVY, "mlx", "ncnn", "capture", "bench", "peers"} - {OPTIONAL.get(name)}
    assert of(imports(name, path), *foreign) == []


@pytest.mark.parametrize("name, path", sorted(modules("parity").items()))
def test_a_module_that_an_extra_is_needed_for_is_imported_by_none_but_by_name(name, path):
    # They may share a module of the same kind, which is loaded with them.
    kin = [module for module in OPTIONAL if OPTIONAL[module] == OPTIONAL.get(name)]
    assert of(imports(name, path), *(set(OPTIONAL) - set(kin))) == []
    text = path.read_text(encoding="utf-8")
    assert all(module.rpartition(".")[2] in text for module in LEADS_TO.get(name, []))


def numerics() -> list[tuple[str, Path]]:
    return [item for package in NUMERICS for item in modules(package).items()]


def test_the_lab_is_everything_else():
    assert {"replay", "explain", "calibration", "report", "fixtures", "sources"} <= set(LAB)


def room_of(name: str) -> str:
    return name.split(".")[1]


def test_every_room_has_a_floor_and_no_floor_is_empty():
    rooms = {room_of(name) for name in modules("parity") if name != "parity"}
    assert rooms == set(ROOMS) and len(ROOMS) == len(set(ROOMS))


def test_loose_modules_are_few():
    loose = {path.stem for path in (ROOT / "parity").glob("*.py")}
    assert {"__init__", "__main__", "console", "diarize", "errors"} <= loose and len(loose) <= 7


@pytest.mark.parametrize("name, path", [item for item in sorted(modules("parity").items()) if item[0] != "parity"])
def test_a_room_imports_only_from_floors_below(name, path):
    floor = next(number for number, rooms in enumerate(FLOORS) if room_of(name) in rooms)
    not_below = [room for rooms in FLOORS[: floor + 1] for room in rooms if room != room_of(name)]
    assert of(imports(name, path), *(f"parity.{room}" for room in not_below)) == []


@pytest.mark.parametrize("room", sorted(path.parent.name for path in (ROOT / "parity").glob("*/__init__.py")))
def test_every_room_says_what_question_it_answers(room):
    face = (ROOT / "parity" / room / "__init__.py").read_text(encoding="utf-8")
    assert len(ast.get_docstring(ast.parse(face)) or "") > 60


def test_there_are_numerics_to_check():
    names = [name for name, _ in numerics()]
    assert len(names) > 25 and "parity.community1" in names and "parity.networks.pyannet" in names


@pytest.mark.parametrize("name, path", numerics())
def test_the_numerics_know_nothing_of_the_lab(name, path):
    assert of(imports(name, path), *(f"parity.{module}" for module in LAB)) == []


@pytest.mark.parametrize("name, path", numerics())
def test_the_numerics_know_nothing_of_where_weights_come_from(name, path):
    assert of(imports(name, path), "parity.sources") == []


@pytest.mark.parametrize("name", GENERAL)
def test_what_serves_every_pipeline_knows_none_of_them(name):
    assert of(imports(name, modules("parity")[name]), *NUMERICS[::2]) == []


def test_importing_the_numerics_loads_nothing_of_the_lab():
    imported = "parity.community1, parity.networks.pyannet, parity.rnnt"
    code = f"import json, sys, {imported}\nprint(json.dumps(sorted(sys.modules)))"
    assert of(set(fresh_interpreter(code)), *(f"parity.{module}" for module in LAB)) == []


@pytest.mark.parametrize("name, path", sorted(modules("parity.report").items()))
def test_reports_compute_nothing(name, path):
    assert (
        of(
            imports(name, path),
            "parity.community1",
            "parity.measure.drift.compare",
            "parity.measure.compare",
            "scipy",
            "pyannote",
        )
        == []
    )


def test_capture_is_the_only_package_that_imports_torch_but_for_the_runtime_of_that_name():
    users = {
        name.split(".")[0]
        for package in ("parity", "capture", "peers")
        for name, path in modules(package).items()
        if name not in OPTIONAL and of(imports(name, path), *HEAVY)
    }
    assert users == {"capture"}
