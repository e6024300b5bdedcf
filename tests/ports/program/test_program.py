"""A program driven stage by stage: what it is sent, what is made of its answers, what is left of it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ROOT
from support.synthetic import automatic, forced, synthetic

from parity.community1 import Parameters
from parity.errors import InputError
from parity.pipeline.stage import ChunkSeries
from parity.ports.program import Program, ProgramFailed
from parity.ports.program.ranges import CHUNKS, RANGED, pieces
from parity.ports.python import load_implementation

PORT = ROOT / "tests/support/port_program.py"
LIGHT = ROOT / "tests/support/light_program.py"
PARAMETERS = dataclasses.asdict(Parameters()) | {"uri": "clip"}

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture(scope="module", params=["npy", "safetensors"])
def port(request):
    flags = ["--tensors"] if request.param == "safetensors" else []
    with Program([sys.executable, str(PORT), *flags]) as program:
        yield program


def same(ours, theirs) -> bool:
    if isinstance(ours, ChunkSeries):
        return np.array_equal(ours.chunks, theirs.chunks) and same(ours.take(ours.chunks), theirs.take(theirs.chunks))
    if isinstance(ours, list):
        texts = [[(f"{t.start:.3f}", f"{t.end - t.start:.3f}", t.speaker) for t in turns] for turns in (ours, theirs)]
        return texts[0] == texts[1]
    return ours.dtype == theirs.dtype and np.array_equal(ours, theirs, equal_nan=True)


@pytest.mark.parametrize("made, bounds", [(automatic, {}), (forced, {"num_speakers": 3})])
def test_every_stage_of_a_program_gives_what_the_function_gives(port, made, bounds):
    made, pipeline = made(), synthetic(**bounds)
    ran = 0
    for stage in pipeline:
        if stage.name not in port.description.stages or not (stage.when is None or stage.when.holds(made)):
            continue
        got = port.stage(stage, made, PARAMETERS | bounds)
        assert list(got) == list(stage.writes)
        assert all(same(got[name], made[name]) for name in stage.writes), stage.name
        ran += 1
    assert ran == (13 if bounds else 12)


# one that starts at once


@pytest.fixture
def light(tmp_path):
    """How to make a light program that answers with the synthetic clip's own artefacts."""

    def make(*flags: str, **said: object) -> list[str]:
        stages = [stage.name for stage in synthetic() if stage.name not in (*RANGED, "kmeans", "annotation")]
        description = {"protocol": 1, "name": "light", "version": "1", "stages": stages} | said
        (tmp_path / "describe.json").write_text(json.dumps(description))
        for stage in synthetic():
            if stage.name in stages:
                (tmp_path / stage.name).mkdir()
                for name in stage.writes:
                    np.save(tmp_path / stage.name / f"{name}.npy", automatic()[name])
        return [sys.executable, "-S", str(LIGHT), str(tmp_path), *flags]

    return make


@pytest.mark.parametrize("flags", [(), ("--serve",)])
def test_a_stage_is_called_once_for_the_same_inputs_and_its_cost_is_kept(light, tmp_path, flags):
    stage, made = synthetic()["assignment"], automatic()
    with Program(light(*flags)) as program:
        first = program.stage(stage, made, PARAMETERS)
        copied = dict(made) | {"soft_clusters": made["soft_clusters"].copy()}
        assert same(program.stage(stage, copied, PARAMETERS)["hard_clusters"], first["hard_clusters"])
        program.stage(stage, made, PARAMETERS | {"num_speakers": 4})
        cost = program.settle().costs["assignment"]
        assert program.settle().costs == {}
    assert (tmp_path / "asked").read_text() == "assignment\n" * 2
    assert cost.calls == 2 and cost.seconds > 0
    assert not Path("/proc/self/status").exists() or 1 << 20 < cost.peak_memory < 1 << 28


@pytest.mark.parametrize("flags", [(), ("--serve",)])
def test_a_program_runs_where_the_system_cannot_look_at_its_end_without_taking_it(light, monkeypatch, flags):
    monkeypatch.delattr(os, "waitid")  # macOS before Python 3.13
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    made = automatic()
    with Program(light(*flags)) as program:
        got = program.stage(synthetic()["assignment"], made, PARAMETERS)
    assert same(got["hard_clusters"], made["hard_clusters"])


def test_a_closed_program_leaves_no_folder_and_no_process(light):
    with Program(light("--serve")) as program:
        program.stage(synthetic()["assignment"], automatic(), PARAMETERS)
        pid, folder = program._server.child.pid, program.folder
        assert folder.exists() and os.kill(pid, 0) is None
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_program_that_is_forgotten_leaves_none_either(light):
    program = Program(light("--serve"))
    program.stage(synthetic()["assignment"], automatic(), PARAMETERS)
    folder, child = program.folder, program._server.child
    del program
    assert not folder.exists()
    assert child.end() == -9


def test_what_a_program_is_sent_is_what_the_contract_says(light, tmp_path):
    (tmp_path / "kept").mkdir()
    script = tmp_path / "copies.py"
    script.write_text(
        LIGHT.read_text().replace(
            "    for path", f"    shutil.copytree(into, '{tmp_path}/kept/' + stage)\n    for path"
        )
    )
    command = [str(script) if word == str(LIGHT) else word for word in light()]
    with Program(command) as program:
        program.stage(synthetic()["assignment"], automatic(), PARAMETERS)
    kept = tmp_path / "kept/assignment"
    # No number was imposed: there are no KMeans clusters, and so no file.
    assert sorted(path.name for path in kept.iterdir()) == [
        "parameters.json",
        "soft_clusters.npy",
        "train_chunk_idx.npy",
    ]
    assert json.loads((kept / "parameters.json").read_text()) == PARAMETERS
    assert same(np.load(kept / "soft_clusters.npy"), automatic()["soft_clusters"])


@pytest.mark.parametrize("command", [["./no-such-program"], ["no-such-program-on-the-path"], [str(ROOT)], [str(LIGHT)]])
def test_a_program_that_cannot_be_run_is_refused_by_its_name(command, tmp_path):
    shutil.copy(LIGHT, tmp_path)
    with pytest.raises(InputError, match=r"cannot be run \(") as refused:
        Program(command)
    assert command[0] in str(refused.value)


def test_a_failure_is_typed_and_kept(light, tmp_path):
    stage = synthetic()["vbx"]
    command = light()
    shutil.rmtree(tmp_path / "vbx")
    with Program(command) as program:
        for _ in range(2):
            with pytest.raises(ProgramFailed) as failed:
                program.stage(stage, automatic(), PARAMETERS)
    failure = failed.value
    assert (failure.stage, failure.exit_status, failure.signal) == ("vbx", 1, None)
    assert failure.said == "Exited: exit status 1, expected 0" and "FileNotFoundError" in failure.place
    assert (tmp_path / "asked").read_text() == "vbx\n"


# heavy stages


def chunks(count: int, *kept: int) -> ChunkSeries:
    return ChunkSeries(np.array(kept or range(count)), lambda chunk: np.full((998, 80), chunk, dtype=np.float32))


def test_heavy_stages_are_asked_in_ranges_of_chunks():
    stage = synthetic()["embeddings"]
    masks = np.arange(80, dtype=np.float32)[:, None, None] * np.ones((1, 3, 589), dtype=np.float32)
    asked = pieces(stage, {"fbank": chunks(80), "masks": masks})
    assert [piece.chunks for piece in asked] == [(0, CHUNKS), (CHUNKS, 2 * CHUNKS), (2 * CHUNKS, 80)]
    for piece in asked:
        expected = np.arange(*piece.chunks)
        assert np.array_equal(piece.values["fbank"][:, 0, 0], expected)
        assert np.array_equal(piece.values["masks"][:, 0, 0], expected)


def test_chunks_that_were_recorded_with_gaps_make_a_range_each():
    asked = pieces(synthetic()["embeddings"], {"fbank": chunks(9, 0, 3, 4, 8), "masks": np.zeros((9, 3, 589))})
    assert [piece.chunks for piece in asked] == [(0, 1), (3, 5), (8, 9)]


def test_a_waveform_is_cut_where_its_chunks_begin_and_end():
    rate = 16000
    wave = np.arange(int(50.5 * rate), dtype=np.float32)[None]
    first, second = pieces(synthetic()["segmentation"], {"waveform": wave})
    assert (first.chunks, second.chunks) == ((0, 32), (32, 42))
    assert first.values["waveform"].shape == (1, (31 + 10) * rate)
    assert second.values["waveform"][0, 0] == 32 * rate and second.values["waveform"][0, -1] == wave[0, -1]


def test_the_light_program_imports_nothing_slow():
    code = (
        f"import runpy, sys; sys.argv = ['x', '.', '--', 'none']; runpy.run_path({str(LIGHT)!r}); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" not in done.stdout.split()


# one that runs whole recordings only


def test_a_program_without_stages_leaves_a_dump_and_cannot_be_driven(tmp_path):
    script = tmp_path / "whole.py"
    script.write_text(
        "import json, pathlib, sys\n"
        "if sys.argv[1] == 'describe':\n"
        "    print(json.dumps({'protocol': 1, 'name': 'w', 'version': '1', 'stages': [], 'run': True}))\n"
        "else:\n"
        "    pathlib.Path(sys.argv[3], 'diarization.rttm').write_text(sys.argv[2])\n"
    )
    clip = tmp_path / "clip.wav"
    with load_implementation(f"exec:{sys.executable} -S {script}") as under_test:
        out = under_test.program.dump(clip)
        assert out.name == "clip" and (out / "diarization.rttm").read_text() == str(clip)
        assert under_test.program.settle().costs["run"].calls == 1
        with pytest.raises(InputError, match="has no stages, and only stages can be driven here; it answers `run`"):
            under_test(synthetic())
    assert not out.exists()
