"""Folders of requests: always empty, never of a name that was there before, whatever a program left in them."""

from __future__ import annotations

import pytest

from parity.ports.program.request_folders import IN, OUT, RequestFolders


def _left_behind(folders: RequestFolders, number: int):
    folder = folders.take(number)
    assert [path.name for path in sorted(folder.iterdir())] == [IN, OUT]
    assert not list((folder / IN).iterdir()) and not list((folder / OUT).iterdir())
    (folder / IN / "x.npy").write_bytes(b"1")
    return folder


def test_a_folder_is_emptied_and_renamed(tmp_path):
    folders = RequestFolders(tmp_path)
    first = _left_behind(folders, 1)
    (first / OUT / "y.npy").write_bytes(b"2")
    (first / "log").write_text("said")
    inode = (first / OUT).stat().st_ino
    folders.give_back(first)
    second = _left_behind(folders, 2)
    assert second != first and not first.exists()
    assert (second / OUT).stat().st_ino == inode


def _with_a_folder(out):
    (out / "cache").mkdir()
    (out / "cache" / "z").write_text("z")


def _gone(out):
    out.rmdir()


def _a_link(out):
    out.rmdir()
    out.symlink_to(out.parent.parent)


def _locked(out):
    out.chmod(0o500)


@pytest.mark.parametrize("left", [_with_a_folder, _gone, _a_link, _locked])
def test_what_is_no_longer_two_folders_goes(tmp_path, left):
    (tmp_path / "keep.txt").write_text("kept")
    folders = RequestFolders(tmp_path)
    first = _left_behind(folders, 1)
    left(first / OUT)
    folders.give_back(first)
    assert not first.exists()
    _left_behind(folders, 2)
    assert (tmp_path / "keep.txt").read_text() == "kept"
