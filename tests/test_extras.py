"""What the base does without: the extras that bring it, and what is said where they are missing."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from support import ROOT
from support.command_line import here, only_error

from parity import checkout
from parity.community1.kmeans import cluster_kmeans
from parity.errors import InputError
from parity.files.documents import parse_toml
from parity.fixtures.snapshot import read_snapshot
from parity.measure.score import score_rttm, speaker_names
from parity.report.tables import RUN
from parity.sources.weights import hub
from parity.tables.writing import targets

PROJECT = parse_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DISTRIBUTIONS = {"sklearn": "scikit-learn", "huggingface_hub": "huggingface-hub"}
BASE = sorted(name for name, extra in checkout.EXTRAS.items() if extra in ("report", "speakers", "tables", "hub"))
FOLDERS = [str(ROOT / "fixtures" / name) for name in ("14_partial_tail", "13_no_speech")]
CODE = """
import contextlib, io, json, sys
hidden, commands = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(hidden))
import parity.diarize
from parity.__main__ import application
said = []
for words in commands:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            status = application(words[0])(words, standalone_mode=False)
        except Exception as error:
            status = repr(error)
    said.append([status or 0, out.getvalue()])
print(json.dumps(said))
"""


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", one)[0].lower() for one in requirements}


def hide(monkeypatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize("module, extra", checkout.EXTRAS.items())
def test_an_extra_brings_what_the_base_does_not(module, extra):
    distribution = DISTRIBUTIONS.get(module, module)
    assert distribution in names(EXTRAS[extra]) and distribution not in names(PROJECT["dependencies"])
    assert checkout.how_to_get(f"{module}.part") == f'pip install "diarization-parity-lab[{extra}]"'


def test_all_brings_what_the_main_job_uses():
    (requirement,) = EXTRAS["all"]
    assert set(re.findall(r"\w+", requirement.partition("[")[2])) == {checkout.EXTRAS[name] for name in BASE}
    for extra in ("test", "capture"):
        assert "diarization-parity-lab[all]" in EXTRAS[extra]


def test_what_is_of_no_extra_has_no_cure_and_what_is_installed_is_not_refused():
    assert checkout.how_to_get("nobody.nothing") is None and not checkout.is_installed("nobody.nothing")
    assert checkout.how_to_get("pyannote") == checkout.how_to_get("pyannote.metrics")
    checkout.need("numpy", "anything")


def test_commands_of_the_base_do_without_every_extra(tmp_path):
    commands = [
        ["validate", FOLDERS[0]],
        ["compare", FOLDERS[0], FOLDERS[0]],
        ["compare", *FOLDERS],  # drift, whose mistake is looked up
        ["kit", str(tmp_path / "kit"), "14"],
        ["check", "native", "--stage", "vbx"],
        ["stages"],
        ["run", "--stage", "plda", "14"],
    ]
    command = [sys.executable, "-c", CODE, json.dumps([BASE, commands])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert [status for status, _ in said] == [0, 0, 1, 0, 0, 0, 0], said
    assert said[1][1].startswith("PARITY.") and (tmp_path / "kit" / "README.md").is_file()


def test_der_is_the_librarys_where_there_is_none(monkeypatch):
    folders = [ROOT / "fixtures" / name for name in ("02_pyannote_sample", "12_many_voices")]
    theirs, ours = (read_snapshot(folder).values["diarization"] for folder in folders)
    want, wanted_names = score_rttm(theirs, ours), speaker_names(theirs, ours)
    hide(monkeypatch, "pyannote.metrics")
    found = score_rttm(theirs, ours)
    assert want.der > 0 and speaker_names(theirs, ours) == wanted_names
    for part in ("der", "miss", "false_alarm", "confusion", "total"):
        assert getattr(found, part) == pytest.approx(getattr(want, part), abs=1e-9), part
    with pytest.raises(InputError, match=r'^a collar, .*: pyannote.metrics is not installed: needs `pip install "'):
        score_rttm(theirs, ours, collar=0.5)


@pytest.mark.parametrize(
    "words, hidden, said",
    [
        (["run", "14"], "matplotlib", "the page with plots: {}; or leave it out: --no-html"),
        (["demo"], "matplotlib", "the page: {}"),
        (["diagnose", "x", "--page", "a.html"], "matplotlib", "--page a.html: {}"),
        (["diarize", "a.wav", "--plot"], "matplotlib", "--plot: {}"),
        (["compare", *FOLDERS, "--table", "a.csv"], "pandas", "--table a.csv: {}"),
    ],
)
def test_what_needs_an_extra_says_so_before_any_work(words, hidden, said, monkeypatch, in_an_empty_folder):
    hide(monkeypatch, hidden)
    needs = f'{hidden} is not installed: needs `pip install "diarization-parity-lab[report]"`'
    assert only_error(here(*words)) == f"error: {said.format(needs)}"
    assert not list(in_an_empty_folder.iterdir())


def test_a_module_that_is_missed_in_the_middle_is_one_line_too(monkeypatch):
    def raises(*_, **__):
        raise ModuleNotFoundError("No module named 'pyannote.core'", name="pyannote.core")

    monkeypatch.setattr("parity.__main__._app", raises)
    assert only_error(here("stages")) == (
        'error: pyannote.core is not installed: needs `pip install "diarization-parity-lab[report]"`'
    )


def test_kmeans_the_hub_and_parquet_name_their_extras(monkeypatch, tmp_path):
    hide(monkeypatch, "sklearn", "huggingface_hub", "pyarrow")
    with pytest.raises(InputError, match=r"VBx did not find: sklearn is not installed: needs .*\[speakers\]"):
        cluster_kmeans(np.ones((2, 3, 256), np.float32), np.arange(2), np.arange(2), num_clusters=2)
    with pytest.raises(InputError, match=r"^--weights hub: huggingface_hub is not installed: needs .*\[hub\]"):
        hub.prepare()
    with pytest.raises(InputError, match=r"pyarrow is not installed: needs .*\[tables\]\"`; \.csv needs none of it"):
        targets([str(tmp_path / "a.parquet")], RUN)
    assert targets([str(tmp_path / "a.csv")], RUN)
    assert set(checkout.versions(["numpy", "nobody"])) == {"numpy"}
