"""`parity new-port`: in each language a program that builds without a warning and is at parity as generated."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from support.built_ports import FIXTURES, template, wrong_decisions, wrong_in_isolation
from support.command_line import only_error, parity
from typer.testing import CliRunner

from parity.__main__ import app
from parity.community1 import Parameters, community1_pipeline
from parity.community1.annotation import to_rttm
from parity.community1.assignment import UNASSIGNED
from parity.community1.geometry import num_frames
from parity.community1.networks import without_networks
from parity.errors import InputError
from parity.ports.new_port import LANGUAGES, TEMPLATES, write_port
from parity.ports.program import Program, ProgramFailed

STAGES = ("speaker_counting", "filter", "assignment", "reconstruction", "annotation")
FREE = {**asdict(Parameters()), "uri": "made"}


@pytest.fixture(scope="module", params=LANGUAGES)
def port(request):
    with Program(template(request.param)) as program:
        yield program


def native(name: str, **parameters):
    return replace(community1_pipeline(without_networks(), Parameters(**parameters))[name], when=None)


# the command


def test_every_language_has_a_template_and_no_template_is_left_out():
    assert set(LANGUAGES) == {path.name for path in TEMPLATES.iterdir()}


def test_the_command_writes_a_port_and_says_what_to_do_next(in_an_empty_folder):
    done = CliRunner().invoke(app, ["new-port", "mine", "--language", "n"])
    assert done.exit_code == 0, done.output
    assert done.output == 'mine: start with README.md; then: cd mine && parity check "node my_port.mjs"\n'
    assert {"README.md", "my_port.mjs", "stages.mjs"} <= {path.name for path in Path("mine").iterdir()}


def test_what_is_there_already_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("mine\n")
    said = only_error(parity("new-port", tmp_path, "--language", "c"))
    assert said == f"error: {tmp_path}: holds notes.txt already; expected a folder that is empty or not there yet"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_is_there_and_empty_is_filled(tmp_path):
    write_port(tmp_path, "c")
    assert (tmp_path / "main.c").exists()


@pytest.mark.parametrize(
    "place, language, said",
    [
        ("notes.txt", "c", "notes.txt: is a file; expected a folder that is empty or not there yet"),
        ("mine", "go", "--language go: no template; there are: c, rust, node, python"),
        ("notes.txt/mine", "c", "notes.txt/mine: cannot be written: File exists"),
    ],
)
def test_what_cannot_be_written_is_refused(in_an_empty_folder, place, language, said):
    Path("notes.txt").write_text("mine\n")
    with pytest.raises(InputError) as refused:
        write_port(Path(place), language)
    assert str(refused.value) == said and list(map(str, Path().rglob("*"))) == ["notes.txt"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_building_in_place_leaves_is_not_handed_on(tmp_path, language):
    write_port(tmp_path / "mine", language)
    left = {path.name for path in (tmp_path / "mine").rglob("*")}
    assert not {"target", "__pycache__", "my_port"} & left and not any(name.endswith(".o") for name in left)


# what was written


def test_a_template_has_the_same_five_stages_in_every_language(port):
    assert port.description.stages == STAGES and port.description.serve and not port.description.run


def test_a_template_is_at_parity_on_all_fourteen_as_it_stands(port):
    found = [wrong_in_isolation(port, name) for name in FIXTURES]
    assert sum(compared for compared, _ in found) == 13 * 8 + 3, "13_no_speech has a count and turns only"
    assert [artefact for _, wrong in found for artefact in wrong] == []


def test_every_decision_case_of_its_stages_falls_as_in_the_reference(port):
    cases, wrong = wrong_decisions(port)
    assert cases > 100 and wrong == []


def test_answers_do_not_depend_on_whether_it_serves(port):
    values = {"soft_clusters": np.random.default_rng(1).random((5, 3, 4)), "train_chunk_idx": np.arange(9)}
    with Program(port.command, serve=False) as called:
        alone = called.stage(native("assignment"), values, FREE)
    assert np.array_equal(alone["hard_clusters"], port.stage(native("assignment"), values, FREE)["hard_clusters"])


@pytest.mark.parametrize("clusters", [1, 2, 3, 7])
def test_tied_assignments_fall_as_in_scipy(port, clusters):
    scores = np.random.default_rng(clusters).integers(0, 3, (2000, 3, clusters)).astype(np.float64)
    scores[5, 1] = np.nan
    values = {"soft_clusters": scores, "train_chunk_idx": np.arange(9), "kmeans_clusters": None}
    stage = native("assignment")
    assert np.array_equal(port.stage(stage, values, FREE)["hard_clusters"], stage(values)["hard_clusters"])
    values["kmeans_clusters"] = np.zeros(9, dtype=np.int32)
    assert np.array_equal(port.stage(stage, values, FREE)["hard_clusters"], stage(values)["hard_clusters"])
    values["train_chunk_idx"] = np.arange(1)
    assert np.array_equal(port.stage(stage, values, FREE)["hard_clusters"], stage(values)["hard_clusters"])


@pytest.mark.parametrize("clusters, bounds", [(2, {}), (16, {}), (17, {}), (40, {}), (127, {"max_speakers": 2})])
def test_tied_activations_fall_as_in_numpy(port, clusters, bounds):
    draw = np.random.default_rng(clusters)
    segmentations = (draw.random((30, 589, 3)) < 0.5).astype(np.float32)
    segmentations[3, :, 1] = 0.0
    hard = draw.integers(-1, clusters, (30, 3)).astype(np.int8)
    hard[hard < 0] = UNASSIGNED
    hard[0, 0] = clusters - 1
    count = draw.integers(0, 4, (num_frames(30), 1)).astype(np.uint8)
    values = {"segmentations": segmentations, "hard_clusters": hard, "count": count}
    stage = native("reconstruction", **bounds)
    got = port.stage(stage, values, {**FREE, **bounds})
    assert all(np.array_equal(got[name], want) for name, want in stage(values).items())


@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_turns_are_named_ordered_and_rounded_as_in_the_reference(port, gap):
    draw = np.random.default_rng(7)
    plain = np.repeat(draw.random((150, 30)) < 0.3, 4, axis=0).astype(np.float32)
    plain[:, 3], plain[:, 29] = 0.0, plain[:, 2]  # one never speaks, two speak as one
    exclusive = plain.copy()
    exclusive[40:60, 3] = 1.0  # and there speaks who is not in the plain one
    stage = native("annotation", min_duration_off=gap)
    values = {"discrete_diarization": plain, "exclusive_discrete_diarization": exclusive}
    got = port.stage(stage, values, {**FREE, "min_duration_off": gap})
    for name, want in stage(values).items():
        assert to_rttm(got[name], "made").splitlines() == to_rttm(want, "made").splitlines()


def test_halves_of_a_millisecond_are_rounded_to_even(port, tmp_path):
    # 200, 600, … frames after another lie at sixteenths of a second, to the last bit.
    plain = np.zeros((4000, 1), dtype=np.float32)
    for frame in range(0, 3800, 20):
        plain[frame : frame + 1 + frame // 40 % 12, 0] = 1.0
    stage = native("annotation")
    values = {"discrete_diarization": plain, "exclusive_discrete_diarization": plain}
    got, want = port.stage(stage, values, FREE), stage(values)
    assert to_rttm(got["diarization"], "made") == to_rttm(want["diarization"], "made")


def test_frames_that_are_nan_and_embeddings_that_hold_nan_are_absent(port):
    draw = np.random.default_rng(3)
    segmentations = (draw.random((12, 589, 3)) < 0.4).astype(np.float32)
    segmentations[2, 100:200], segmentations[4, :, 0] = np.nan, np.nan
    embeddings = draw.random((12, 3, 256)).astype(np.float32)
    embeddings[5, 1, 7] = np.nan
    values = {"segmentations": segmentations, "embeddings": embeddings}
    for name in ("speaker_counting", "filter"):
        got, want = port.stage(native(name), values, FREE), native(name)(values)
        assert all(np.array_equal(got[artefact], want[artefact]) for artefact in want)


# what it refuses


@pytest.fixture
def folders(tmp_path):
    """IN with what assignment reads, and OUT."""
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    target.mkdir()
    np.save(source / "soft_clusters.npy", np.ones((4, 3, 2)))
    np.save(source / "train_chunk_idx.npy", np.arange(4))
    (source / "parameters.json").write_text(json.dumps(FREE))
    return source, target


def damaged(path: Path, how: str) -> None:
    data = path.read_bytes()
    fortran = data.replace(b"'fortran_order': False", b"'fortran_order': True ")
    path.write_bytes({"short": data[:-8], "long": data + b"\0", "magic": b"x" + data[1:], "fortran": fortran}[how])


@pytest.mark.parametrize("how", ["short", "long", "magic", "fortran"])
@pytest.mark.parametrize("port", ["c", "rust", "node"], indirect=True)
def test_a_damaged_array_is_refused_and_the_next_request_served(port, folders, how):
    source, target = folders
    asked = {"request": "stage", "stage": "assignment", "in": str(source), "out": str(target)}
    good = (source / "soft_clusters.npy").read_bytes()
    damaged(source / "soft_clusters.npy", how)
    bad = served(port, [{"id": 1, **asked}])
    assert not bad[0]["ok"] and "soft_clusters.npy: " in bad[0]["error"] and not list(target.iterdir())
    (source / "soft_clusters.npy").write_bytes(good)
    assert served(port, [{"id": 2, **asked}]) == [{"id": 2, "ok": True}]


def served(port: Program, requests: list[object]) -> list[dict]:
    lines = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in requests)
    done = subprocess.run([*port.command, "serve"], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_whatever_is_asked_is_answered_in_order_and_the_end_of_input_is_the_end(port, folders):
    source, target = folders
    asked = {"request": "stage", "stage": "assignment", "in": str(source), "out": str(target)}
    answers = served(
        port,
        [
            {"id": 1, "request": "describe"},
            {"id": 2, **asked, "stage": "vbx"},
            "no JSON\n",
            {"id": 3, "request": "dance"},
            {"id": 4, **asked, "in": str(source / "nowhere")},
            {"id": 5},
            "{" * 100 + "\n",
            {"id": 6, **asked},
        ],
    )
    assert [answer["id"] for answer in answers] == [1, 2, None, 3, 4, 5, None, 6]
    assert [answer["ok"] for answer in answers] == [True, False, False, False, False, False, False, True]
    assert answers[0]["describe"]["stages"] == list(STAGES)
    assert all(answer["error"] and "\n" not in answer["error"] for answer in answers if not answer["ok"])


def test_a_call_that_fails_says_why_and_ends_otherwise_than_with_0(port, folders):
    source, target = folders
    (source / "train_chunk_idx.npy").unlink()
    with (
        Program(port.command, serve=False) as called,
        pytest.raises(ProgramFailed, match="assignment"),
    ):
        called.stage(native("assignment"), {"soft_clusters": np.ones((4, 3, 2))}, FREE)
    for words in (["stage", "filter"], ["stage", "assignment", source, target]):
        done = subprocess.run([*port.command, *map(str, words)], capture_output=True, text=True, check=False)
        assert done.returncode in (1, 2) and done.stderr.strip() and not done.stdout


@pytest.mark.parametrize("port", ["rust"], indirect=True)
def test_the_template_in_rust_brings_tests_of_its_own(port):
    folder = Path(port.command[0]).parents[2]
    done = subprocess.run(["cargo", "test", "--offline", "--quiet"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "8 passed" in done.stdout, done.stdout + done.stderr
