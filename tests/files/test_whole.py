"""Whole or not at all: devices are left alone, writers take turns, and what killed ones left is put right."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.command_line import only_error, parity
from support.refusals import refusal

from parity.errors import InputError
from parity.files import whole
from parity.files.whole import check_writable, only_writer, write_text, writing_file, writing_folder

SLOW = """
import sys, time
from pathlib import Path
from parity.files.whole import writing_file, writing_folder
path = Path(sys.argv[2])
with (writing_folder(path, replace=True) if sys.argv[1] == "folder" else writing_file(path)) as temporary:
    if sys.argv[1] == "folder":
        (temporary / "half").write_text("half")
    else:
        temporary.write_text("half")
    print("inside", flush=True)
    time.sleep(60)
"""


def killed_while_writing(kind: str, path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW, kind, path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "inside\n"
        process.kill()


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# what is no file


@pytest.fixture(params=["device", "pipe", "socket", "link to a device"])
def odd(request, tmp_path):
    path = tmp_path / "odd"
    if request.param == "device":
        return Path(os.devnull)
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "socket":
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        request.addfinalizer(listening.close)
    else:
        path.symlink_to(os.devnull)
    return path


def test_what_is_no_file_is_not_replaced_by_one(odd):
    before = odd.lstat()
    for write in (check_writable, lambda path: write_text(path, "x")):
        assert "is a device, pipe or socket" in refusal(write, odd)
    assert (odd.lstat().st_ino, odd.lstat().st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.parametrize("option", ["--json", "--markdown"])
def test_a_report_onto_a_device_is_refused_in_one_line(tmp_path, option):
    (tmp_path / "a").mkdir()
    error = only_error(parity("compare", tmp_path / "a", tmp_path / "a", option, os.devnull))
    assert os.devnull in error and "device" in error
    assert not Path(os.devnull).is_file()


def test_a_folder_is_no_name_for_a_file(tmp_path):
    for write in (check_writable, lambda path: write_text(path, "x")):
        assert "is a folder, expected the name of a file" in refusal(write, tmp_path)


# writers that were killed


def test_a_killed_writer_leaves_the_name_as_it_was_and_nothing_after_the_next_run(tmp_path):
    write_text(tmp_path / "a.json", "whole")
    killed_while_writing("file", tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text() == "whole" and len(names(tmp_path)) == 2
    write_text(tmp_path / "a.json", "next")
    assert names(tmp_path) == ["a.json"] and (tmp_path / "a.json").read_text() == "next"


def test_the_same_of_folders(tmp_path):
    killed_while_writing("folder", tmp_path / "a")
    assert len(names(tmp_path)) == 1 and not (tmp_path / "a").exists()
    with writing_folder(tmp_path / "a") as temporary:
        (temporary / "x").write_text("x")
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["x"]


def test_a_folder_moved_aside_by_a_killed_run_comes_back(tmp_path):
    (tmp_path / ".a.0123abcd.old").mkdir()
    (tmp_path / ".a.0123abcd.old" / "x").write_text("old")
    with pytest.raises(ZeroDivisionError), writing_folder(tmp_path / "a", replace=True):
        raise ZeroDivisionError
    assert names(tmp_path) == ["a"] and (tmp_path / "a" / "x").read_text() == "old"


def test_what_is_anothers_is_left_alone(tmp_path):
    others = [".b.abcdefgh.part", ".a.b.abcdefgh.part", ".a.part", "a.abcdefgh.part", ".a.abcdefgh.partly"]
    for name in others:
        (tmp_path / name).write_text(name)
    write_text(tmp_path / "a", "x")
    assert names(tmp_path) == sorted([*others, "a"])


# replacing


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_is_replaced_whole(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(whole, "_exchanged", lambda *_: False)
    for content in ("one", "two"):
        with writing_folder(tmp_path / "a", replace=True) as temporary:
            (temporary / content).write_text(content)
        assert names(tmp_path) == ["a"] and names(tmp_path / "a") == [content]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the call is Linux's")
def test_two_folders_trade_places_in_one_step(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    assert whole._exchanged(tmp_path / "a", tmp_path / "b")
    assert (names(tmp_path / "a"), names(tmp_path / "b")) == (["b"], ["a"])


# several writers


def test_writers_of_one_name_take_turns(tmp_path):
    inside, most = 0, 0

    def write(number: int) -> None:
        nonlocal inside, most
        with writing_file(tmp_path / "a") as temporary:
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            temporary.write_text(str(number))
            inside -= 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and names(tmp_path) == ["a"]


@pytest.mark.parametrize("pinned", [False, True])
def test_of_two_that_make_one_folder_the_second_is_told_unless_the_contents_are_pinned(tmp_path, pinned):
    started, said = threading.Event(), []

    def second() -> None:
        started.set()
        try:
            with writing_folder(tmp_path / "a", pinned=pinned) as temporary:
                (temporary / "second").write_text("x")
        except InputError as error:
            said.append(str(error))

    with writing_folder(tmp_path / "a") as temporary:
        other = threading.Thread(target=second)
        other.start()
        started.wait()
        time.sleep(0.05)  # it has seen that nothing is there, and waits
        (temporary / "first").write_text("x")
    other.join()
    assert names(tmp_path / "a") == ["first"] and names(tmp_path) == ["a"]
    assert said == (
        [] if pinned else [f"{tmp_path / 'a'}: exists already, another run has just made it; it is not overwritten"]
    )


def test_who_waits_too_long_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(whole, "PATIENCE", 0.05)
    said = []

    def second() -> None:
        said.append(refusal(write_text, tmp_path / "a", "x"))

    with only_writer(tmp_path / "a"):
        other = threading.Thread(target=second)
        other.start()
        other.join()
    assert "another process has been writing it" in said[0]


def test_without_a_cache_the_lock_lies_with_the_temporary_files(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    write_text(tmp_path / "a", "x")
    assert (tmp_path / "a").read_text() == "x"
