"""What the reference heard, where it kept only hashes of it: at 16 kHz with one channel that is the clip itself.

Task: a snapshot as a dump, and a candidate that holds waveforms -> the same dump with the clip's own in place of their
hashes. Where the clip is no fixture's here, the waveforms stay uncompared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.heard import CHUNKS, FILE, WAVEFORM, with_heard
from parity.fixtures.prepare import load_inputs
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.artefact import HASHES
from parity.ports.dump.reading import Dump


def as_heard(reference: Dump, candidate: Dump) -> Dump:
    """The reference with what it heard, where the candidate has that too.

    Raises
    ------
    InputError : the clip cannot be had, or is another one than its hash says
    """
    hashes = {(FILE, key): reference.found[FILE, key] for key in HASHES if (FILE, key) in reference.found}
    if not hashes or WAVEFORM in reference.values or not {WAVEFORM, CHUNKS} & candidate.values.keys():
        return reference
    inputs = clip_inputs(reference)
    if inputs is None:
        return reference
    companions: dict[tuple[str, str], Any] = {**hashes}
    if (chunks := reference.beside.get(f"{CHUNKS}_chunks")) is not None:
        companions[FILE, "chunks"] = chunks
    found = with_heard(Snapshot(reference.folder, {}, {}, {}, companions), inputs).values
    places = {name: f"{reference.folder / FILE}: {name}, the clip's own" for name in found}
    return replace(reference, values={**reference.values, **found}, places={**reference.places, **places})


def clip_inputs(reference: Dump) -> dict[str, Any] | None:
    """The samples and the rate of the fixture with a reference's clip; None where there is none."""
    hashed = reference.manifest.get("clip_sha256")
    try:
        fixtures = Catalogue.read(default_folder()).fixtures
    except InputError:
        return None
    return next((load_inputs(fixture.clip()) for fixture in fixtures if fixture.clip_sha256 == hashed), None)
