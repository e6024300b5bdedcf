"""Recordings that are not the catalogue's: captures made elsewhere, in a folder with one folder a recording.

Task: that folder -> what the run is about, and of each recording what is at hand: a capture, an RTTM, its clip. A clip
is known by the hash that its capture names; where there is only an RTTM, by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from parity import seed
from parity.errors import InputError
from parity.files.whole import sha256_file
from parity.fixtures import Catalogue, Fixture
from parity.measure.score import count
from parity.pipeline.artefact import ARTEFACTS
from parity.snapshot import MANIFEST

RTTM = ARTEFACTS["diarization"].file


@dataclass(frozen=True)
class Recording:
    """One recording of a folder that is not the catalogue's.

    Attributes
    ----------
    folder : its own, which may not exist
    pinned : speakers and segments that its RTTM must have; None: not known
    captured_with : weights of its capture in words, where its manifest may not say; None: unknown
    clips : sha256 -> a clip that may be its own: a file, or a fixture of the catalogue that has the same clip
    named : a clip that bears its name, or lies in a folder that does
    """

    name: str
    folder: Path
    pinned: seed.Counts | None = None
    captured_with: str | None = None
    clips: Mapping[str, Path | Fixture] = field(default_factory=dict, repr=False)
    named: Path | None = None

    @property
    def is_captured(self) -> bool:
        """Whether there is more of it than an RTTM."""
        return (self.folder / MANIFEST).is_file()

    def clip(self, wanted: str | None) -> Path | None:
        """Its clip; None where it is not at hand.

        Parameters
        ----------
        wanted : sha256 that its capture names; None: there is no capture, and only the clip's name can tell, or the
            name of the folder it lies in

        Raises
        ------
        InputError : a WAV lies beside its capture that is another one
        """
        own = {sha256_file(path): path for path in sorted(self.folder.glob("*.wav"))}
        if wanted is None:
            return next(iter(own.values()), self.named)
        if own and wanted not in own:
            got, path = next(iter(own.items()))
            raise InputError(f"{path}: has sha256 {got}, the capture was made of {wanted}; the file was altered")
        found = own.get(wanted) or self.clips.get(wanted)
        return _clip_of(found) if isinstance(found, Fixture) else found

    def counts(self) -> seed.Counts | None:
        """Speakers and segments of its RTTM; None where it has none.

        Raises
        ------
        InputError : the RTTM cannot be read, or its counts are not the pinned ones
        """
        path = self.folder / RTTM
        if not path.is_file():
            return None
        try:
            found = count(path.read_text(encoding="utf-8"))
        except (InputError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: {error}") from error
        if self.pinned is not None and found != self.pinned:
            raise InputError(
                f"{path}: has {found[0]} speakers in {found[1]} segments, pinned are {self.pinned[0]} in "
                f"{self.pinned[1]}; was the file altered, or made with other weights?"
            )
        return found


def find_recordings(folder: Path, catalogue: Catalogue, audio: Path | None = None) -> tuple[Recording, ...]:
    """The recordings of a folder that are not the catalogue's, by name; all of the seed's where one of them is there.

    Parameters
    ----------
    folder : with one folder a recording, each with a manifest or an RTTM
    audio : a folder with clips, at any depth, that belong to captures by their hash
    """
    held = held_names(folder)
    known = seed.PINNED if seed.among(held, catalogue.names) else {}
    names = sorted(held - set(catalogue.names) | set(known))
    files = _wav_files(audio) if names and audio is not None else []
    clips: dict[str, Path | Fixture] = {fixture.clip_sha256: fixture for fixture in catalogue.fixtures}
    clips |= {sha256_file(path): path for path in files}
    named = {name: path for path in files for name in (path.parent.name, path.stem)}
    return tuple(
        Recording(
            name,
            folder / name,
            pinned=known.get(name),
            captured_with=seed.CAPTURED_WITH if name in known else None,
            clips=clips,
            named=named.get(name),
        )
        for name in names
    )


def choose(
    catalogue: Catalogue, names: Iterable[str] = (), snapshots: Path | None = None, audio: Path | None = None
) -> tuple[Fixture | Recording, ...]:
    """What a run is about, by name: the catalogue's fixtures, or what a folder of other recordings holds.

    Parameters
    ----------
    names : only these; all of them otherwise
    snapshots : a folder with one folder a fixture; where it holds recordings that are not the catalogue's, they are
        what the run is about, and those of the catalogue's that it holds
    audio : see `find_recordings`

    Raises
    ------
    InputError : names that are not among them
    """
    recordings = find_recordings(snapshots, catalogue, audio) if snapshots is not None else ()
    if not recordings:
        return catalogue.select(names)
    others = held_names(snapshots) - {recording.name for recording in recordings}
    known = {entry.name: entry for entry in (*recordings, *(f for f in catalogue.fixtures if f.name in others))}
    wanted = list(names) or list(known)
    if unknown := [name for name in dict.fromkeys(wanted) if name not in known]:
        raise InputError(f"unknown recording {', '.join(unknown)}; {snapshots} is about {', '.join(sorted(known))}")
    return tuple(known[name] for name in sorted(set(wanted)))


def held_names(folder: Path) -> set[str]:
    """Names of the folders that hold a capture or an RTTM."""
    return {path.name for path in folder.iterdir() if (path / MANIFEST).is_file() or (path / RTTM).is_file()}


def _clip_of(fixture: Fixture) -> Path | None:
    try:
        return fixture.clip()
    except InputError:  # its sources are not to be had just now: then this recording's audio is missing, and said so
        return None


def _wav_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".wav" and path.is_file())
