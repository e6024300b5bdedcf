"""What `SECURITY.md` promises of the network, of processes at the same moment, and of limits."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ROOT

from fuzz import materials
from fuzz.writers import COMMANDS
from parity.audio.reading import read_audio
from parity.errors import InputError
from parity.files.arrays import read_file
from parity.files.whole import write_text, writing_folder
from parity.fixtures.catalogue import Catalogue, add_fixture
from parity.sources.weights import load_weights

if sys.platform == "win32":
    pytest.skip("processes are forked", allow_module_level=True)

PROCESSES = 100


# no network at run time


ALONE = {
    "compare": (("compare", "{}/a", "{}/b", "--json", "{}/c.json"), "c.json"),
    "margins": (("margins", "14", "--json", "{}/m.json"), "m.json"),
    "audio": (("audio", "{}/x.wav", "--json", "{}/x.json"), "x.json"),
    "fingerprint": (("fingerprint", "{}/a", "{}/f.json"), "f.json"),
    "run": (("run", "14", "--stage", "vbx", "--json", "{}/r.json"), "r.json"),
    "diarize": (("diarize", "{}/x.wav", "--out", "{}/said"), "said/x.rttm"),
}


@pytest.fixture(scope="module")
def fetched() -> None:
    """What the first run on a machine fetches is there: it is the one that may ask the index."""
    load_weights()


@pytest.mark.usefixtures("fetched")
@pytest.mark.parametrize("name", ALONE)
def test_nothing_at_run_time_touches_the_network(tmp_path, name):
    """In a network namespace of its own where the system gives one, else with sockets that cannot be opened."""
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        materials.write(tmp_path / side, materials.snapshots()[1])
    (tmp_path / "x.wav").write_bytes(materials.clips()[0]["x.wav"])
    words, written = ALONE[name]
    command = [sys.executable, "-m", "parity", *(word.replace("{}", str(tmp_path)) for word in words)]
    unshare = shutil.which("unshare")
    alone = [unshare, "-r", "-n"] if unshare else []
    if not alone or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        alone = []
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\ndef no(*a, **k): raise SystemExit('the network was touched')\n"
        "socket.getaddrinfo = socket.create_connection = no\nsocket.socket.connect = no\n",
        encoding="utf-8",
    )
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [*alone, *command], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / written).is_file()


def test_the_guard_would_see_it(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: (_ for _ in ()).throw(OSError("touched")))
    with pytest.raises(OSError, match="touched"):
        socket.create_connection(("localhost", 9))


# any number of processes on one catalogue, one cache, one folder of reports


def _together(target, arguments: list[tuple]) -> list[int]:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=target, args=each) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def _add(folder: Path, number: int) -> None:
    add_fixture(folder, f"f{number}", folder / "x.wav")


def test_a_hundred_that_add_at_once_are_a_hundred_entries(tmp_path, monkeypatch):
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    COMMANDS["fixtures add"].prepare(tmp_path)
    folder = tmp_path / "fixtures"
    shutil.copy(tmp_path / "x.wav", folder / "x.wav")
    assert set(_together(_add, [(folder, number) for number in range(PROCESSES)])) == {0}
    names = Catalogue.read(folder).names
    assert {f"f{number}" for number in range(PROCESSES)} <= set(names)
    for entry in Catalogue.read(folder).fixtures:
        if entry.name.startswith("f"):
            assert entry.clip().is_file()
    assert list(folder.glob(".*.part")) == []


def _write(folder: Path, number: int) -> None:
    write_text(folder / "report.json", f"{number} " * 5000 + "\n")
    with writing_folder(folder / "kept", pinned=True, replace=False) as temporary:
        (temporary / "a").write_text("same")


def test_reports_and_a_cache_that_many_write_are_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    _together(_write, [(tmp_path, number) for number in range(12)])
    words = (tmp_path / "report.json").read_text().split()
    assert len(words) == 5000 and len(set(words)) == 1
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["a"]
    assert list(tmp_path.glob(".*")) == []


# limits that a user can see and set


def test_an_archive_that_unpacks_to_more_than_may_be_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(100_000))
    monkeypatch.setenv("PARITY_LARGEST_ARRAY", "100K")
    (said,) = read_file(tmp_path / "x.npz").problems
    assert "unpacks to 800,128 bytes" in said and "the limit is 100,000 (PARITY_LARGEST_ARRAY)" in said


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("PARITY_LONGEST_RECORDING", "0.00001", "hours long, the limit is 1e-05 (PARITY_LONGEST_RECORDING, in hours)"),
        ("PARITY_LONGEST_RECORDING", "a day", "expected hours above 0, such as 2.5"),
        ("PARITY_MEMORY", "1K", "at once, the limit is 1 kB (PARITY_MEMORY, by default half of what is free)"),
    ],
)
def test_a_recording_over_a_limit_is_refused_by_its_name(tmp_path, monkeypatch, name, value, said):
    (tmp_path / "x.wav").write_bytes(materials.clips()[0]["x.wav"])
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError) as caught:
        read_audio(tmp_path / "x.wav")
    assert said in str(caught.value)


# what a round found on the command line, in a few bytes


def test_a_pipe_or_device_in_place_of_a_recording_is_called_that(tmp_path):
    os.mkfifo(tmp_path / "clip.wav")
    for path in (tmp_path / "clip.wav", Path("/dev/zero")):
        with pytest.raises(InputError, match="is a device, pipe or socket, not an audio file"):
            read_audio(path)


@pytest.mark.parametrize("value", [1e12, 86_401])
def test_a_recipe_of_more_than_a_day_is_refused(value):
    from parity.fixtures.clips import _check_argument

    with pytest.raises(InputError, match="should be at most 86,400"):
        _check_argument("silence", value)


@pytest.mark.parametrize(
    "wrong", [[[0, 0, 0, 0]] * 2, [[0, 1, np.nan, 2], [2, 3, 1, 3]], [[0, 5, 0.3, 2], [2, 3, 1, 3]]]
)
def test_a_tree_of_merges_that_is_none_is_told(wrong):
    from parity.fixtures.values import wrong_dendrogram

    assert wrong_dendrogram(np.array(wrong, dtype=float))
    assert wrong_dendrogram(np.array([[0, 1, 0.3, 2], [2, 3, 0.9, 3]])) is None


@pytest.mark.parametrize(
    "text", ["!!float ''", "&a [*a, *a]", "{a: 1, a: 2}", "[" * 5000, "!!python/name:os.system", "[]: 1"]
)
def test_yaml_that_is_no_plain_data_is_refused(text):
    from parity.files.documents import parse_yaml

    with pytest.raises(ValueError):
        parse_yaml(f"a: {text}" if not text.startswith(("{", "[]")) else text)


@pytest.mark.parametrize("dtype", ["uint8", "uint64"])
def test_labels_without_a_sign_are_read_with_one(tmp_path, dtype):
    from parity.ports.dump.reading import read_dump

    np.save(tmp_path / "hard_clusters.npy", np.array([[0, 255]], dtype=dtype))
    np.save(tmp_path / "ahc_clusters.npy", np.array([0, np.iinfo(dtype).max], dtype=dtype))
    values = read_dump(tmp_path).values
    assert values["hard_clusters"].tolist() == [[0, 255]] and values["hard_clusters"].min() > -1
    assert values["ahc_clusters"].dtype == np.int64 and values["ahc_clusters"].max() > 0
