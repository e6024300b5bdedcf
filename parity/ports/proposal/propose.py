"""Every artefact gets the array that fits it best, each array one artefact, and what is unsure is said with the reason.

The recording is told by its folder's name, by `--fixture`, or by its turns, which are compared with every fixture's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from parity.fixtures.catalogue import Catalogue, Fixture
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.fingerprint.record import spoken_hash
from parity.ports.proposal.inventory import Inventory, Stored, is_text, take_inventory
from parity.ports.proposal.matching import CLOSE_NAME, Fit, by_name, fits


@dataclass
class Proposal:
    """A map that may fit.

    Attributes
    ----------
    fixture : the recording of the lab that the folder was compared with, and how it was told; None where none is
    fits : artefact -> the array that fits it best
    rivals : artefact -> others that fit it as well
    left : arrays and turns that fit no artefact
    """

    inventory: Inventory
    fixture: tuple[str, str] | None = None
    fits: dict[str, Fit] = field(default_factory=dict)
    rivals: dict[str, list[Fit]] = field(default_factory=dict)
    left: list[Stored] = field(default_factory=list)

    @property
    def unsure(self) -> dict[str, str]:
        """Artefact -> why it is unsure."""
        found: dict[str, str] = {}
        for name, fit in self.fits.items():
            reasons = [] if fit.sure else [fit.why]
            if same := self.rivals.get(name):
                reasons.append(f"as good: {', '.join(rival.stored.place for rival in same)}")
            if reasons:
                found[name] = "; ".join(reasons)
        return found


def propose(folder: Path, catalogue: Catalogue, fixture: Fixture | None = None) -> Proposal:
    """A map for a folder of goldens.

    Parameters
    ----------
    fixture : the recording that they are of, where it is known

    Raises
    ------
    InputError : there is no such folder, or nothing in it
    """
    known = {entry.name: entry for entry in catalogue.fixtures}
    inventory = take_inventory(folder, (fixture.name,) if fixture else tuple(known))
    found = Proposal(inventory)
    chosen = _told(inventory, known, fixture)
    theirs: Dump | None = None
    if chosen is not None:
        found.fixture = chosen
        theirs = read_dump(known[chosen[0]].snapshot_folder)
    _assign(found, list(_all_fits(inventory.stored, theirs, chosen[0] if chosen else "")))
    return found


def _told(inventory: Inventory, known: dict[str, Fixture], fixture: Fixture | None) -> tuple[str, str] | None:
    """Which fixture it is, and how that was told."""
    if fixture is not None:
        return fixture.name, "as --fixture says"
    if inventory.name in known:
        return inventory.name, "by its name"
    hashes = {spoken_hash(stored.value) for stored in inventory.stored if is_text(stored)}
    for name, entry in known.items():
        rttm = entry.snapshot_folder / ARTEFACTS["diarization"].file
        if rttm.is_file() and spoken_hash(rttm.read_text(encoding="utf-8")) in hashes:
            return name, "by its turns, which are the same"
    return None


def _all_fits(stored: Iterable[Stored], theirs: Dump | None, recording: str) -> Iterable[Fit]:
    for one in stored:
        for name, artefact in ARTEFACTS.items():
            if (artefact.dtype == "text") != is_text(one):
                continue
            want = None if theirs is None else theirs.values.get(name)
            if is_text(one):
                fit = _of_turns(name, one, want, recording)
            else:
                chunks = _some_chunks(theirs, name) if theirs is not None and want is not None else None
                fit = fits(name, one, want if isinstance(want, np.ndarray) else None, chunks, recording)
            if fit is not None:
                yield fit


def _some_chunks(theirs: Dump, name: str) -> np.ndarray | None:
    """The chunks of which an artefact is kept; None where it is kept of all."""
    if not ARTEFACTS[name].by_chunk:
        return None
    chunks, whole = theirs.chunks(name), theirs.values.get("segmentations", ())
    return None if len(chunks) == len(whole) else chunks


def _of_turns(name: str, stored: Stored, want: object, recording: str) -> Fit | None:
    named = by_name(name, stored)
    if isinstance(want, str) and spoken_hash(stored.value) == spoken_hash(want):
        return Fit(name, stored, 5 + 0.5 * named, f"the turns of {recording}, every one")
    exclusive = "exclusive" in "".join(stored.names)
    if named < CLOSE_NAME or exclusive != (name == "exclusive_diarization"):
        return None
    return Fit(name, stored, named, "by its name only" + (f"; its turns are not those of {recording}" if want else ""))


def _assign(found: Proposal, all_fits: list[Fit]) -> None:
    """The best fits first, each artefact and each array once."""
    taken: set[str] = set()
    for fit in sorted(all_fits, key=lambda fit: -fit.score):
        if fit.artefact in found.fits or fit.stored.place in taken:
            continue
        found.fits[fit.artefact] = fit
        taken.add(fit.stored.place)
    for name, fit in found.fits.items():
        found.rivals[name] = [
            other
            for other in all_fits
            if other.artefact == name
            and other.stored.place != fit.stored.place
            and int(other.score) == int(fit.score)
            and other.stored.place not in taken
        ]
    found.fits = {name: found.fits[name] for name in ARTEFACTS if name in found.fits}
    found.left = [stored for stored in found.inventory.stored if stored.place not in taken]
