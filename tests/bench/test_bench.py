"""The benchmark's own arithmetic: what is done in which order, ratios pair by pair, and what counts as equal."""

from __future__ import annotations

import contextlib
import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console
from support import ROOT
from typer.testing import CliRunner

import bench.__main__ as command
from bench.limit import trunk_gflop
from bench.memory import forget_peak, peak_mb
from bench.report import clip_data, document, equal, markdown, remarks, table, write_plot
from bench.report_file import merge
from bench.sides import in_turns
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder

LIMIT = {"sgemm_gflops": {"numpy": 100.0}, "trunk_gflop_a_chunk": 45.2, "direct_trunk_seconds_a_chunk": 0.452}
MACHINE = {"cpu": "a processor", "threads": 2}
TURN = "SPEAKER clip 1 0.000 1.000 <NA> <NA> A <NA> <NA>\n"


def answer(seconds: float, rttm: list[str] | None, peak: float = 100.0, **stages: float) -> dict:
    return {
        "seconds": seconds,
        "cpu_seconds": 2 * seconds,
        "audio_seconds": 30.0,
        "peak_mb": peak,
        "rttm": rttm,
        "stages": stages,
    }


def rounds(
    ncnn: tuple[float, ...], pyannote: tuple[float, ...], rttm: str = TURN, ours: str | None = None
) -> list[dict]:
    said = rttm if ours is None else ours
    return [
        {
            "pyannote": answer(theirs, [rttm, rttm], 2000.0),
            "ncnn": answer(mine, [said, said], embeddings=mine / 2),
            "sherpa-onnx": answer(10.0, None),
        }
        for mine, theirs in zip(ncnn, pyannote, strict=True)
    ]


def report(*clips: dict) -> dict:
    return document(MACHINE, clips, "ncnn", LIMIT)


def test_ratios_are_of_neighbours_and_their_median_is_not_the_ratio_of_medians():
    clip = clip_data("a", rounds((1.0, 2.0, 4.0), (10.0, 30.0, 20.0)), "ncnn")
    assert clip["ratios"] == [10.0, 15.0, 5.0] and clip["ratio"] == 10.0
    assert (clip["seconds"], clip["pyannote_seconds"]) == (2.0, 20.0)
    assert (clip["peak_mb"], clip["pyannote_peak_mb"]) == (100.0, 2000.0)
    assert clip["stages"] == {"embeddings": 1.0}


def test_the_median_is_over_clips_with_speech():
    clips = [
        clip_data("a", rounds((1.0,), (8.0,)), "ncnn"),
        clip_data("b", rounds((1.0,), (12.0,)), "ncnn"),
        clip_data("nobody", rounds((1.0,), (99.0,), rttm=""), "ncnn"),
    ]
    assert report(*clips)["median_ratio"] == 10.0 == report(*clips)["median_ratios"]["ncnn"]


@pytest.mark.parametrize(("ours", "same"), [(TURN, True), (TURN.replace("1.000", "1.001"), False), ("", False)])
def test_a_faster_wrong_answer_is_no_equal_one_and_peers_are_not_judged(ours, same):
    found = report(clip_data("a", rounds((1.0, 1.0), (9.0, 9.0), ours=ours), "ncnn"))
    assert equal(found) == same
    assert ("DIFFERS" in markdown(found)) != same
    assert found["clips"][0]["sides"]["sherpa-onnx"]["rttm_equal"] is None


def test_the_report_has_what_the_issue_names_and_is_shown(tmp_path):
    found = report(clip_data("a", rounds((1.0, 2.0), (9.0, 9.0)), "ncnn"))
    assert set(found) >= {"machine", "clips", "median_ratio", "limit"}
    keys = {"name", "audio_seconds", "pyannote_seconds", "seconds", "ratio", "rttm_equal", "peak_mb"}
    assert set(found["clips"][0]) >= keys | {"pyannote_peak_mb", "stages"}
    assert table(found).row_count == 1 and len(remarks(found)) == 3
    write_plot(found, tmp_path / "bench.svg")
    drawn = (tmp_path / "bench.svg").read_text(encoding="utf-8")
    assert drawn.count("sherpa-onnx") >= 1
    write_plot(found, tmp_path / "bench.svg")
    assert drawn == (tmp_path / "bench.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("ours", [[], ["sherpa-onnx"]])
def test_nothing_is_cut_off_in_a_terminal_of_80_columns(ours):
    clips = [
        clip_data(name, rounds((11.0, 22.0), (999.0, 999.0)), "ncnn") for name in Catalogue.read(default_folder()).names
    ]
    for clip in clips:
        mine = clip["sides"]["ncnn"]
        clip["sides"] = {"pyannote": mine, "ncnn": mine, "onnx": mine, "plain": mine} | dict.fromkeys(ours, mine)
    text = io.StringIO()
    Console(width=80, file=text).print(table(report(*clips)))
    lines = text.getvalue().splitlines()
    for name in Catalogue.read(default_folder()).names:
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert line.endswith(" equal") and "45.4-90.8" in line and len(line) <= 80


def test_the_time_of_a_trunk_is_of_the_clip_with_most_to_do():
    clips = [clip_data(name, rounds((seconds,), (99.0,)), "ncnn") for name, seconds in (("a", 4.2), ("b", 2.0))]
    assert report(*clips)["limit"]["trunk_seconds_a_chunk"] == {"ncnn": 0.1}  # half of 4.2 s for 21 chunks


class Recorder:
    """A side that writes down what it was given."""

    def __init__(self, name: str, log: list) -> None:
        self.name, self._log = name, log

    def run(self, fixture: str) -> dict:
        self._log.append((self.name, fixture))
        return {"side": self.name}


def test_sides_take_turns_after_a_warm_up_and_each_round_begins_with_another():
    log: list[tuple[str, str]] = []
    running = [Recorder("x", log), Recorder("y", log)]
    found = list(in_turns(running, [["a", "b"], ["a"]], lambda said: None))
    assert log == [("x", "a"), ("y", "a"), *[("x", "a"), ("y", "a"), ("x", "b"), ("y", "b")], ("y", "a"), ("x", "a")]
    assert [name for name, _ in found] == ["a", "b", "a"] and found[0][1]["y"] == {"side": "y"}


class Cut(Exception):
    """What ends a benchmark in its second round."""


class Timed(Recorder):
    """A side that takes no time, and stops when it was asked too often."""

    most = 99

    def run(self, fixture: str) -> dict:
        super().run(fixture)
        if len(self._log) > self.most:
            raise Cut
        return {**answer(1.0, [TURN, TURN]), "peak_mb": 100.0}


def test_a_benchmark_cut_short_goes_on_with_what_was_not_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "limit", lambda cores: LIMIT)
    monkeypatch.setattr(command, "load_weights", lambda: SimpleNamespace(embedding={}))
    monkeypatch.setattr(command, "choose_runtime", lambda *_: "onnx")
    log: list[tuple[str, str]] = []
    started: list[str] = []

    @contextlib.contextmanager
    def sides(names, cores):
        started.extend(names)
        yield [Timed(name, log) for name in names]

    monkeypatch.setattr(command, "sides", sides)
    clips = ["13_no_speech", "14_partial_tail"]
    words = ["--runtime", "onnx", "--no-plain", "--no-sherpa", "--rounds", "2"]
    words += [word for clip in clips for word in ("--fixture", clip)]
    path = tmp_path / "bench.json"
    monkeypatch.setattr(Timed, "most", 8)  # two to warm up, four in the first round, the first clip of the second
    assert isinstance(CliRunner().invoke(command.app, [*words, "--json", str(path)]).exception, Cut)
    log.clear()
    monkeypatch.setattr(Timed, "most", 99)
    done = CliRunner().invoke(command.app, [*words, "--json", str(path), "--resume"])
    assert done.exit_code == 0 and "--resume: 3 of 3 taken" in done.stderr, done.output
    assert len({fixture for _, fixture in log}) == 1 and len(log) == 4  # one clip: to warm up, and its second round
    resumed = json.loads(path.read_text())
    assert [clip["rounds"] for clip in resumed["clips"]] == [2, 2]
    assert CliRunner().invoke(command.app, [*words, "--json", str(tmp_path / "b.json")]).exit_code == 0
    assert resumed == json.loads((tmp_path / "b.json").read_text())
    started.clear()
    assert CliRunner().invoke(command.app, [*words, "--json", str(path), "--resume"]).exit_code == 0
    assert started == []


def test_a_trunk_is_as_much_work_as_the_design_says():
    assert trunk_gflop() == pytest.approx(45.2, abs=0.05)
    assert trunk_gflop(499) < 0.51 * trunk_gflop()


def test_the_peak_of_memory_can_begin_anew():
    held = bytearray(200 << 20)
    held[:: 1 << 12] = bytes(len(held[:: 1 << 12]))
    before = peak_mb()
    del held
    forget_peak()
    assert peak_mb() < before - 100


def test_reports_of_several_benchmarks_share_a_file(tmp_path):
    path = tmp_path / "reports" / "bench.json"
    merge(path, {"scale": [1]})
    merge(path, {"clips": [2], "machine": {}})
    merge(path, {"clips": [3]})
    assert json.loads(path.read_text()) == {"scale": [1], "clips": [3], "machine": {}}


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_another_file_is_not_overwritten(tmp_path, text):
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bench\.json"):
        merge(path, {"scale": 1})
    assert path.read_text() == text


def test_the_table_of_the_fourteen_is_the_committed_report():
    found = json.loads((ROOT / "docs" / "measured" / "bench.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "measured" / "fixtures.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in markdown(found).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(Catalogue.read(default_folder()).names)
    assert [row for row in rows if row not in page] == []
