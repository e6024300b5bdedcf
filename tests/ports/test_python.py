"""Implementations under test: replaced stages are run, guarded, and their mistakes reported by stage."""

from __future__ import annotations

import importlib.metadata
import sys

import numpy as np
import pytest

from parity.errors import InputError
from parity.pipeline.stage import Pipeline, Stage
from parity.ports.python import NATIVE, Implementation, implementation_of, load_implementation

COUNT = np.zeros((4, 1), dtype=np.uint8)


def native() -> Pipeline:
    return Pipeline(
        "small",
        ("segmentations",),
        [
            Stage("speaker_counting", ("segmentations",), ("count",), lambda segmentations: COUNT),
            Stage("masks", ("segmentations",), ("masks",), lambda s: s.transpose(0, 2, 1)),
            Stage("plda", ("masks",), ("post_plda", "phi"), lambda masks: (np.zeros((2, 128)), np.ones(128))),
        ],
    )


INPUTS = {"segmentations": np.zeros((2, 589, 3), dtype=np.float32)}


def run(stages: dict) -> dict:
    return Implementation("mine", lambda pipeline: _replaced(pipeline, stages))(native()).run(INPUTS)


def _replaced(pipeline: Pipeline, stages: dict) -> Pipeline:
    for name, function in stages.items():
        pipeline = pipeline.replacing(name, function)
    return pipeline


def test_a_replaced_stage_is_run_and_the_others_are_the_native_ones():
    made = run({"speaker_counting": lambda segmentations: COUNT + 1})
    assert made["count"].max() == 1
    assert made["masks"].shape == (2, 3, 589)


@pytest.mark.parametrize(
    ("stage", "function", "words"),
    [
        ("masks", lambda s: 1 / 0, "stage masks raised ZeroDivisionError: division by zero"),
        ("masks", lambda s: s, "masks has shape (2, 589, 3), expected (C, S, F)"),
        ("masks", lambda s: s.tolist(), "masks is a list, expected an array"),
        ("masks", lambda s: None, "masks is a NoneType"),
        ("masks", lambda s: s.transpose(0, 2, 1) * np.nan, "masks holds 3534 NaN, first at (0, 0, 0)"),
        ("speaker_counting", lambda s: COUNT + 0.5, "count is float64, expected uint8"),
        ("plda", lambda m: np.zeros((2, 128)), "returned a ndarray, expected 2 results"),
        ("plda", lambda m: (np.zeros((2, 128)),) * 3, "expected 2 results"),
        ("plda", lambda m: (np.zeros((2, 64)), np.ones(128)), "post_plda has shape (2, 64), expected (T, 128)"),
    ],
)
def test_a_stage_that_misbehaves_is_named_with_what_it_did(stage, function, words):
    with pytest.raises(InputError) as caught:
        run({stage: function})
    assert f"implementation mine: stage {stage}" in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_implementation_that_lacks_a_stage_is_refused_by_its_name():
    without = Implementation("mine", lambda p: Pipeline("x", p.inputs, [s for s in p if s.name != "masks"][:1]))
    with pytest.raises(InputError, match="its stages are not the pipeline's: masks, plda"):
        without(native())
    with pytest.raises(InputError, match="gave a int, expected a Pipeline"):
        Implementation("mine", lambda p: 3)(native())
    with pytest.raises(InputError, match="KeyError"):
        Implementation("mine", lambda p: p["nothing"])(native())


def test_native_is_the_pipeline_itself():
    assert load_implementation("native") is NATIVE
    pipeline = native()
    assert [stage.run for stage in NATIVE(pipeline)] == [stage.run for stage in pipeline]


def test_a_module_in_the_working_folder_is_loaded(tmp_path, monkeypatch):
    (tmp_path / "my_port.py").write_text("stages = {'masks': lambda s: s.transpose(0, 2, 1) + 1}\nnumber = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_implementation("my_port:stages")(native()).run(INPUTS)["masks"].max() == 1
    with pytest.raises(InputError, match="is a int"):
        load_implementation("my_port:number")
    with pytest.raises(InputError, match="AttributeError"):
        load_implementation("my_port:nothing")
    with pytest.raises(InputError, match="ModuleNotFoundError"):
        load_implementation("no_such_module_anywhere:stages")


def test_a_mapping_with_an_unknown_stage_lists_the_known_ones(tmp_path, monkeypatch):
    (tmp_path / "odd_port.py").write_text("stages = {'embedings': None}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(InputError, match="unknown stage embedings; known: speaker_counting, masks, plda"):
        load_implementation("odd_port:stages")(native())


def test_an_installed_entry_point_is_found_by_name(monkeypatch):
    point = importlib.metadata.EntryPoint("nobody", "parity.pipeline.stage:Pipeline", "parity.implementations")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    assert load_implementation("nobody").name == "nobody"
    with pytest.raises(InputError, match="installed: native, nobody"):
        load_implementation("somebody")


def test_an_implementation_may_be_named_or_be_stages_or_a_function_or_itself():
    def other(native: Pipeline) -> Pipeline:
        return native

    assert implementation_of("native") is implementation_of(NATIVE) is NATIVE
    assert implementation_of({"ahc": other, "vbx": other}).name == "ahc, vbx"
    assert implementation_of(other).change is other and implementation_of(other).name.endswith("other")
    with pytest.raises(InputError, match="--implementation 3: is a int, expected stages by name, or a function"):
        implementation_of(3)
