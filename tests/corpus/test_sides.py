"""Programs and functions as sides: they answer in the pipeline's place, and are explained by the base."""

import dataclasses
import sys
from types import MappingProxyType, SimpleNamespace

import pytest
import soundfile
from support import ROOT
from support.synthetic import automatic, networks, waveform, whole_networks

import parity.community1.networks
import parity.corpus.explaining as explaining
import parity.corpus.work as work
import parity.networks.wespeaker.choice
import parity.ports.python
import parity.sources.weights
from parity.community1.annotation import to_rttm
from parity.corpus.manifest import Entry
from parity.corpus.sides import Setup, Side
from parity.corpus.work import answer_one
from parity.ports.python import load_implementation
from parity.report.document import explanation_data

PORT = f"exec:{sys.executable} {ROOT / 'tests/support/port_program.py'} --stages assignment"
FUNCTIONS = "one_speaker:stages"
MODULE = """
import numpy as np

def stages(native):
    assign = native["assignment"].run
    return native.replacing("assignment", lambda *values: np.minimum(assign(*values), 0))
"""
pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """A recording that made-up networks answer, and a module of somebody's functions on the path."""
    soundfile.write(tmp_path / "one.wav", waveform()[0], 16_000, subtype="FLOAT")
    (tmp_path / "one_speaker.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    weights = SimpleNamespace(parameters=MappingProxyType({}), segmentation={}, embedding={}, plda={})
    monkeypatch.setattr(parity.sources.weights, "load_weights", lambda source: weights)
    monkeypatch.setattr(parity.networks.wespeaker.choice, "choose_runtime", lambda *asked: "onnx")
    monkeypatch.setattr(parity.community1.networks, "build_networks", lambda *arrays: networks())
    loaded = []

    def load(*asked):
        loaded.append(load_implementation(*asked))
        return loaded[-1]

    for module in (parity.ports.python, explaining):  # a program ends with its worker, and this process is none
        monkeypatch.setattr(module, "load_implementation", load)
    yield Entry("one", tmp_path / "one.wav")
    sys.modules.pop("one_speaker", None)
    work._LOADED.clear()
    explaining._implementation.cache_clear()
    for implementation in loaded:
        implementation.close()


def test_a_program_and_functions_answer_in_the_pipelines_place(recording):
    program, functions = (answer_one(recording, Side("x", form), Setup("made up")) for form in (PORT, FUNCTIONS))
    assert (program.error, functions.error) == (None, None)
    assert program.rttm == to_rttm(automatic()["diarization"], "one")
    assert (program.speakers, program.audio_seconds) == (2, 17.0)
    assert functions.rttm != program.rttm


def test_a_program_is_explained_by_the_base_and_what_it_heard_is_compared(recording, monkeypatch):
    monkeypatch.setattr(explaining, "_weights", lambda source: SimpleNamespace(parameters={}))
    monkeypatch.setattr(explaining, "_runtime_of", lambda side, source: "onnx")
    monkeypatch.setattr(explaining, "_networks", lambda runtime, setup: whole_networks())
    base, side = Side("native", "native:onnx"), Side("port", PORT)
    asked = explaining.Asked(recording, base, (side,), {}, Setup("made up"), 0, explanation_data)
    (row,) = explaining.explain_one(asked)
    expected = {"changed": False, "out_of_tolerance": None, "first_decision": None, "born": "", "error": None}
    assert {key: row[key] for key in expected} == expected
    assert set(row) == {field.name for field in dataclasses.fields(explaining.Explained)}
