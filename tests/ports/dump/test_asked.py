"""Dumps named by path, as text or not, or by what was read of them."""

from __future__ import annotations

import numpy as np
import pytest

from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import read_snapshot
from parity.measure.verdicts import DRIFT, PARITY
from parity.ports.dump.asked import compare, validate
from parity.ports.dump.reading import read_dump

(SHORT,) = Catalogue.read(default_folder()).select(["14_partial_tail"])
FOLDER = SHORT.snapshot_folder


@pytest.fixture
def dump(tmp_path):
    folder = tmp_path / "a_port"
    folder.mkdir()
    np.save(folder / "embeddings.npy", read_snapshot(FOLDER).values["embeddings"] + np.float32(0.01))
    return folder


def test_whatever_names_the_sides_they_are_compared(dump):
    for reference in (FOLDER, str(FOLDER), SHORT, read_snapshot(FOLDER), read_dump(FOLDER)):
        for candidate in (dump, str(dump), read_dump(dump)):
            found = compare(reference, candidate)
            assert (found.name, found.verdict, found.first_drift.name) == ("a_port", DRIFT, "embeddings")
    assert compare(SHORT, str(FOLDER)).verdict == PARITY


def test_everything_that_is_wrong_is_said(dump):
    assert (validate(str(dump)).ok, validate(dump).artefacts) == (True, ("embeddings",))
    np.save(dump / "count.npy", np.zeros(3))
    (dump / "notes.txt").write_text("")
    found = validate(read_dump(dump))
    assert not found.ok and len(found.problems) == 3
    with pytest.raises(InputError, match="neither a folder nor an RTTM file"):
        validate(dump / "missing")
