"""Two captures that differ in one thing: how they are planned, and where a capture may be written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from capture.device import check_name
from capture.settings import Settings, check, check_installed
from capture.sides import Plan, parse
from parity.errors import InputError
from parity.fixtures.catalogue import default_folder


def planned(text: str) -> Plan:
    return parse(text.split())


def test_versions_get_a_folder_each_an_environment_each_and_a_comparison_beside_them():
    plan = planned("--versions 4.0.4 4.0.7 --fixture 14_partial_tail --fixture 13_no_speech --out d")
    old, new = plan.sides
    chosen = ("--fixture", "14_partial_tail", "--fixture", "13_no_speech")
    assert (plan.axis, old.version, new.version) == ("versions", "4.0.4", "4.0.7")
    assert old.arguments == (*chosen, "--out", str(Path("d/4.0.4")), "--resume")
    assert new.arguments == (*chosen, "--reference-version", "4.0.7", "--out", str(Path("d/4.0.7")), "--resume")
    assert (plan.markdown, plan.json) == (
        str(Path("d/4.0.4-against-4.0.7.md")),
        str(Path("d/4.0.4-against-4.0.7.json")),
    )


@pytest.mark.parametrize(
    "text, axis, folders, first, second",
    [
        ("--devices cpu cuda:1", "devices", ("cpu", "cuda-1"), [], ["--device", "cuda:1"]),
        ("--devices cpu cuda --tf32", "devices", ("cpu", "cuda-tf32"), [], ["--device", "cuda", "--tf32"]),
        ("--threads 1 2", "threads", ("1-thread", "2-threads"), ["--threads", "1"], []),
        ("--weights hub /a/b/int8", "weights", ("hub", "int8"), ["--weights", "hub"], ["--weights", "/a/b/int8"]),
        (
            "--threads 2 4 --versions 4.0.7",
            "threads",
            ("2-threads", "4-threads"),
            ["--reference-version", "4.0.7"],
            ["--reference-version", "4.0.7", "--threads", "4"],
        ),
    ],
)
def test_each_axis_is_planned_with_what_is_common_on_both_sides(text, axis, folders, first, second):
    plan = planned(text)
    assert plan.axis == axis
    assert [side.folder for side in plan.sides] == [str(Path("reports/drift") / axis / name) for name in folders]
    assert [list(side.arguments[: side.arguments.index("--out")]) for side in plan.sides] == [first, second]


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "got none"),
        ("--versions 4.0.4", "got --versions 4.0.4"),
        ("--versions 4.0.4 4.0.7 --threads 1 2", "got --versions 4.0.4 4.0.7, --threads 1 2"),
        ("--versions 4.0.4 4.0.5 4.0.7", "give exactly one of --versions, --devices, --threads, --weights two values"),
        ("--versions 4.0.4 4.0.4", "they are the same"),
        ("--weights a/w b/w", "they are the same, both would be"),
        ("--versions 4.0.4 ../x", "not a version of pyannote.audio"),
        ("--devices cpu gpu", "--device gpu: no such device"),
        ("--threads 1 2 --tf32", "--tf32: only with cuda among --devices"),
        ("--threads 1 0", "0 is no number of threads"),
        ("--colour red", "unrecognized arguments: --colour red"),
    ],
)
def test_what_is_no_pair_is_refused_in_one_line(text, said):
    with pytest.raises(InputError) as caught:
        planned(text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_plan_that_would_write_among_the_committed_snapshots_is_refused():
    with pytest.raises(InputError, match="whose snapshots are made without --threads 1"):
        planned(f"--threads 2 1 --out {default_folder()}")


def test_the_plan_is_printed_as_json_and_a_mistake_is_one_line_and_exit_2():
    command = [sys.executable, "-m", "capture.sides"]
    good = subprocess.run([*command, "--threads", "1", "2"], capture_output=True, text=True, check=True)
    assert [side["folder"][-9:] for side in json.loads(good.stdout)["sides"]] == ["/1-thread", "2-threads"]
    bad = subprocess.run([*command, "--threads", "1"], capture_output=True, text=True, check=False)
    assert bad.returncode == 2 and bad.stdout == ""
    assert bad.stderr.startswith("error: give exactly one of") and bad.stderr.count("\n") == 1


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:0", "mps", "mps:1"])
def test_devices_have_the_names_that_torch_gives_them(device):
    assert check_name(device) == device


@pytest.mark.parametrize("device", ["", "meta", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda 1", "xpu"])
def test_other_devices_are_refused_by_name(device):
    with pytest.raises(InputError, match="no such device; expected cpu, cuda or mps"):
        check_name(device)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_tf32_is_refused_where_there_is_none(device):
    with pytest.raises(InputError, match=f"--tf32: only with --device cuda; {device} has no TF32"):
        check(Settings(device=device, tf32=True, out=Path("x")), default_folder(), writes=True)


# how a capture is made, and where it may lie


def test_the_usual_command_names_the_fixture_alone():
    assert Settings().command("f") == "nox -s capture -- --fixture f"


def test_the_command_names_what_was_otherwise_and_no_folder_of_this_machine():
    settings = Settings("4.0.7", "cuda:1", 1, "/home/me/official", Path("/home/me/drift/4.0.7"))
    assert settings.command("f") == (
        "nox -s capture -- --fixture f --reference-version 4.0.7 --device cuda:1 --threads 1 --weights official "
        "--out 4.0.7"
    )
    tf32 = Settings(device="cuda", weights="/a/b", out=Path("/x/y"), tf32=True)
    assert tf32.command("f").endswith("--fixture f --device cuda --weights b --tf32 --out y")
    assert Settings(weights="hub", out=Path("out/hub")).command("f").endswith("--fixture f --weights hub --out out/hub")
    assert Settings(out=Path("/x/y")).command("f") == "nox -s capture -- --fixture f --out y"


@pytest.mark.parametrize(
    "otherwise", [{"reference_version": "4.0.7"}, {"device": "mps"}, {"threads": 1}, {"weights": "hub"}]
)
def test_anything_but_the_usual_capture_is_kept_out_of_the_committed_snapshots(otherwise, tmp_path):
    committed = tmp_path / "fixtures"
    with pytest.raises(InputError, match="what every port is judged by"):
        Settings(**otherwise).check_out(committed)
    for inside in (committed, committed / "x", tmp_path / "a" / ".." / "fixtures"):
        with pytest.raises(InputError, match="choose another folder"):
            Settings(**otherwise, out=inside).check_out(committed)
    Settings(**otherwise, out=tmp_path / "fixtures_of_mine").check_out(committed)


def test_the_usual_capture_goes_anywhere(tmp_path):
    Settings().check_out(tmp_path)
    Settings(out=tmp_path / "x").check_out(tmp_path)


def installed(monkeypatch, version):
    import importlib.metadata

    def answer(name):
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", answer)


def test_another_installed_version_is_refused_naming_both_and_how_to_get_it(monkeypatch):
    installed(monkeypatch, "4.0.7")
    check_installed("4.0.7")
    with pytest.raises(InputError) as caught:
        check_installed("4.0.4")
    message = str(caught.value)
    assert "pyannote.audio 4.0.7 is installed" in message and "--reference-version is 4.0.4" in message
    assert "nox -s capture -- --reference-version 4.0.4" in message


def test_no_installed_version_is_said_in_one_line(monkeypatch):
    installed(monkeypatch, None)
    with pytest.raises(InputError, match="none is installed here; `nox -s capture"):
        check_installed("4.0.4")
