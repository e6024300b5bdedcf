"""`parity rnnt …` as a user meets it: text, statistics, reports, and one clear line for every bad input."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest
from rich.console import Console
from support import ROOT
from support.schemas import valid
from typer.testing import CliRunner

from parity.__main__ import app
from parity.errors import InputError
from parity.networks.checkpoint_writer import write_checkpoint
from parity.report.steps import steps_document, steps_table
from parity.subjects.rnnt.fixtures import FIXTURES, HEADS
from parity.subjects.rnnt.questions import run_fixture

SMALL = HEADS["three_layers_small"]


def parity(*arguments: object):
    return CliRunner().invoke(app, ["rnnt", *map(str, arguments)])


def refused(*arguments: object) -> str:
    done = parity(*arguments)
    assert isinstance(done.exception, InputError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rnnt") / "seeded"
    done = parity("seed", "three_layers_small", folder, "--frames", 60)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def spoken(seeded):
    """The same head with a vocabulary of its own."""
    vocabulary = [chr(ord("a") + token) for token in range(19)]
    path = seeded / "spoken.ckpt"
    write_checkpoint(path, {"cfg": {"decoding": {"vocabulary": vocabulary}}, "state_dict": SMALL.state_dict()})
    return path


# decode


def test_token_ids_are_printed_where_there_is_no_vocabulary_and_a_seeded_head_is_called_one(seeded):
    done = parity("decode", seeded / "head.ckpt", seeded / "encoded.npy")
    assert done.exit_code == 0 and all(0 <= int(token) < 19 for token in done.stdout.split())
    assert "a seeded head (three_layers_small), not a trained one" in done.stderr
    assert "steps, " in done.stderr and "predictor runs; us per step: predictor packing" in done.stderr


def test_text_tokens_and_frames_belong_together(seeded, spoken):
    done = parity("decode", spoken, seeded / "encoded.npy", seeded / "encoded.npy", "--json", "--no-statistics")
    first, second = (valid(json.loads(line), "rnnt_decode_schema.json") for line in done.stdout.splitlines())
    assert first == second and done.stderr == ""
    assert first["text"] == "".join(chr(ord("a") + token) for token in first["tokens"]) != ""
    assert len(first["frames"]) == len(first["tokens"]) and first["frames"] == sorted(first["frames"])


def test_the_limit_of_symbols_is_an_option(seeded, spoken):
    texts = [parity("decode", spoken, seeded / "encoded.npy", "--max-symbols", n).stdout for n in (1, 10)]
    assert len(texts[0]) <= len(texts[1])


@pytest.mark.parametrize(
    "array, said",
    [
        (np.zeros((5, 768), np.float32), "frames are 768 wide, this head reads 24"),
        (np.full((5, 24), np.nan, np.float32), "5 of 5 frames hold NaN or infinity, the first is frame 0"),
        (np.zeros((0, 24), np.float32), "holds no frames, at least 1 is needed"),
        (np.zeros(24, np.float32), "is float32 (24,), expected (frames, 24)"),
    ],
)
def test_frames_that_do_not_fit_get_one_line(tmp_path, seeded, array, said):
    np.save(tmp_path / "bad.npy", array)
    message = refused("decode", seeded / "head.ckpt", tmp_path / "bad.npy")
    assert said in message and message.startswith(str(tmp_path / "bad.npy"))


def test_files_that_are_none_get_one_line(tmp_path, seeded):
    (tmp_path / "text.npy").write_text("not an array")
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    head, frames = seeded / "head.ckpt", seeded / "encoded.npy"
    assert "no such file" in refused("decode", head, tmp_path / "nowhere.npy")
    assert "not a .npy array" in refused("decode", head, tmp_path / "text.npy")
    assert "expected a plain .npy" in refused("decode", head, tmp_path / "several.npz")
    assert "no such file" in refused("decode", tmp_path / "nowhere.ckpt", frames)
    assert "not a zip" in refused("decode", tmp_path / "text.npy", frames)


def test_a_ctc_checkpoint_gets_one_line(tmp_path, seeded):
    write_checkpoint(tmp_path / "ctc.ckpt", {"state_dict": {"head.decoder_layers.0.weight": np.zeros((34, 24, 1))}})
    assert "has a CTC head" in refused("decode", tmp_path / "ctc.ckpt", seeded / "encoded.npy")


def test_a_vocabulary_of_another_size_gets_one_line(tmp_path, seeded):
    tree = {"cfg": {"decoding": {"vocabulary": ["a", "b"]}}, "state_dict": SMALL.state_dict()}
    write_checkpoint(tmp_path / "m.ckpt", tree)
    assert "2 tokens, the head has 20 classes" in refused("decode", tmp_path / "m.ckpt", seeded / "encoded.npy")


def test_nothing_is_printed_when_one_of_several_files_is_bad(seeded, spoken):
    done = parity("decode", spoken, seeded / "encoded.npy", seeded / "nowhere.npy")
    assert isinstance(done.exception, InputError) and done.stdout == ""


# seed


def test_a_seeded_head_is_not_written_over_what_is_there(seeded):
    assert "exists already" in refused("seed", "three_layers_small", seeded)


def test_an_unknown_seeded_head_is_refused_with_those_there_are(tmp_path):
    assert "nobody: no such seeded head; there are: one_layer_34" in refused("seed", "nobody", tmp_path / "x")


# replay and calibrate


def test_a_replay_at_parity_exits_0_and_keeps_a_report(tmp_path):
    done = parity("replay", "--fixture", "small", "--fixture", "empty", "--json", tmp_path / "r.json")
    assert done.exit_code == 0 and "2 of 2 at parity" in done.stdout
    report = valid(tmp_path / "r.json", "steps_schema.json")
    small, empty = report["fixtures"]
    assert small["at_parity"] and small["backend_at_parity"] and small["drift"]["log_probabilities"]["cascaded"] < 1e-5
    assert small["closest"][0] > 0 and max(small["by_step"]["log_probabilities"]["max_abs"]) < 1e-5
    assert empty["steps"] == 0 and empty["closest"] is None and report["weights"] == "seeded heads"


def test_a_planted_fault_exits_1_and_is_explained(tmp_path):
    done = parity("replay", "--fixture", "small", "--fault", "gate_order", "--explain", "--json", tmp_path / "r.json")
    assert done.exit_code == 1 and "0 of 1 at parity" in done.stdout
    assert "Drift is born in predictor" in done.stdout and "predictor decides" in done.stdout
    assert "RTTM" not in done.stdout and "chunks" not in done.stdout
    (row,) = valid(tmp_path / "r.json", "steps_schema.json")["fixtures"]
    assert row["first_difference"]["margin"] > 0 and row["explanation"]["named"] == ["predictor"]


PORT = f"exec:{sys.executable} {ROOT / 'tests/support/port_program.py'} --rnnt"


def test_a_program_is_replayed_step_by_step_and_isolated(tmp_path):
    done = parity("replay", "small", "--implementation", PORT, "--json", tmp_path / "rnnt.json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads((tmp_path / "rnnt.json").read_text())["fixtures"]
    assert row["at_parity"] and {"isolated", "cascaded"} == set(row["drift"]["next_token"])


def test_a_program_that_fails_exits_1_and_the_other_fixtures_run(tmp_path):
    # It has no stage of that name but says that it has: the first request ends the loop.
    command = f"{PORT} --stages choose,predictor"
    done = parity("replay", "small", "empty", "--implementation", command, "--json", tmp_path / "rnnt.json")
    assert done.exit_code == 1, done.output
    rows = json.loads((tmp_path / "rnnt.json").read_text())["fixtures"]
    assert [row["name"] for row in rows] == ["small", "empty"]
    for said in (row["problems"][0] for row in rows):
        assert said.startswith("stage predictor raised Refused: said: ") and "\n" not in said


@pytest.mark.parametrize(
    "flags, words",
    [
        ("--stages choose,transcripts", "unknown stages transcripts; did you mean transcript? "),
        ("--no-such-flag", "describe: exit status 2"),
    ],
)
def test_a_program_of_other_stages_is_refused(tmp_path, flags, words):
    said = refused("replay", "small", "--implementation", f"{PORT} {flags}", "--json", tmp_path / "rnnt.json")
    assert words in said and list(tmp_path.iterdir()) == []


def test_a_fault_and_a_program_are_not_planted_in_each_other(tmp_path):
    said = refused("replay", "small", "--fault", "gate_order", "--implementation", PORT)
    assert "--implementation cannot be given too" in said


def test_a_drift_that_changes_no_token_is_said_as_that(tmp_path):
    done = parity("replay", "--fixture", "single", "--fault", "one_bias", "--explain", "--json", tmp_path / "r.json")
    assert done.exit_code == 1 and "none, but drift" in done.stdout and "token for token" in done.stdout


def test_unknown_names_are_refused(tmp_path):
    assert "--fixture nobody: unknown" in refused("replay", "--fixture", "nobody", "--json", tmp_path / "r.json")
    assert "--fault nothing: unknown" in refused("replay", "--fault", "nothing", "--json", tmp_path / "r.json")
    assert "has no manifest" in refused(
        "replay", "--fixture", "small", "--snapshots", tmp_path, "--json", tmp_path / "r.json"
    )
    assert not (tmp_path / "r.json").exists()


def test_calibration_runs_on_what_keeps_every_step(tmp_path):
    done = parity("calibrate", "--fixture", "crowded", "--json", tmp_path / "c.json")
    summary = valid(tmp_path / "c.json", "calibration_schema.json")["summary"]
    assert done.exit_code == 0 and summary["moving"] == summary["detected"] == summary["named"] > 10
    assert summary["false_alarms"] == 0 and summary["clean_runs"] == 1
    assert "keeps decisions only" in refused("calibrate", "--fixture", "long_one_layer_34")


def test_the_table_fits_eighty_columns():
    console = Console(width=80, record=True, file=io.StringIO())
    document = steps_document([run_fixture(FIXTURES["short_one_layer_1025"])], implementation="native")
    console.print(steps_table(document))
    assert "short_one_layer_1025" in console.export_text() and "…" not in console.export_text()
