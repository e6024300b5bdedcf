"""What a result depends on is another thing where anything is that it was made of."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.recording import Recording
from parity.gate.made_of import made_of
from parity.ports.identity import implementation_made_of
from parity.ports.python import NATIVE, load_implementation

WEIGHTS = SimpleNamespace(sha256="1", parameters={"fa": 0.07})
FIXTURE = Catalogue.read(default_folder()).select(["13"])[0]


@pytest.fixture
def folders(tmp_path):
    for place in ("snapshots", "arrays"):
        (tmp_path / place / FIXTURE.name).mkdir(parents=True)
        (tmp_path / place / FIXTURE.name / "count.npy").write_bytes(b"1")
    (tmp_path / "d.toml").write_text("fa = 0.3")
    return {"snapshots": tmp_path / "snapshots", "arrays": tmp_path / "arrays", "deviations": tmp_path / "d.toml"}


def differing(first, second):
    return {key for key in first if first[key] != second[key]}


@pytest.mark.parametrize(
    ("change", "others"),
    [
        ({"weights": SimpleNamespace(sha256="2", parameters={"fa": 0.07})}, {"weights"}),
        ({"weights": SimpleNamespace(sha256="1", parameters={"fa": 0.3})}, {"parameters"}),
        ({"candidate": {"name": "b"}}, {"candidate"}),
        ({"deviations": None}, {"deviations"}),
        ({"arrays": None}, {"arrays"}),
        ({}, set()),
    ],
)
def test_whatever_is_given(folders, change, others):
    given = {"weights": WEIGHTS, "candidate": {"name": "a"}, **folders}
    assert differing(made_of(FIXTURE, **given), made_of(FIXTURE, **given | change)) == others


@pytest.mark.parametrize("place", ["snapshots", "arrays"])
def test_whatever_lies_in_its_folders(folders, place):
    before = made_of(FIXTURE, WEIGHTS, **folders)
    (folders[place] / FIXTURE.name / "count.npy").write_bytes(b"2")
    assert differing(before, made_of(FIXTURE, WEIGHTS, **folders)) == {place.replace("snapshots", "snapshot")}
    shutil.rmtree(folders["arrays"] / FIXTURE.name)
    assert made_of(FIXTURE, WEIGHTS, **folders)["arrays"] == "nothing"  # the run says so when its turn comes


def test_a_recording_by_its_folder_and_the_clips_at_hand(folders, tmp_path):
    place = folders["snapshots"] / FIXTURE.name
    plain = made_of(Recording("x", place), WEIGHTS)
    assert differing(plain, made_of(Recording("x", place, clips={"0": tmp_path}), WEIGHTS)) == {"clip"}
    assert differing(plain, made_of(Recording("x", tmp_path), WEIGHTS)) == {"snapshot"}


def test_an_implementation_by_its_code_and_what_it_imports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper_of_port.py").write_text("FACTOR = 1\n")
    (tmp_path / "port_made_of.py").write_text("import helper_of_port\nSTAGES = {}\n")
    under_test = load_implementation("port_made_of:STAGES")
    before = implementation_made_of(under_test)
    assert before == implementation_made_of(under_test) and implementation_made_of(NATIVE) == {"name": "native"}
    (tmp_path / "helper_of_port.py").write_text("FACTOR = 2\n")
    assert implementation_made_of(under_test) != before


def test_a_program_by_the_files_that_its_command_names(tmp_path):
    script = tmp_path / "port.py"
    script.write_text("1")
    program = SimpleNamespace(command=("python3", str(script), "--fast"), description=load_description())
    under_test = SimpleNamespace(name="exec:port", program=program)
    before = implementation_made_of(under_test)
    script.write_text("2")
    assert differing(before, implementation_made_of(under_test)) == {"files"}


def load_description():
    from parity.ports.program.contract import Description

    return Description("port", "1", ("plda",))
