"""The pytest plugin: `parity_dump("02")` is an empty folder for a port's arrays, with the clip they are to be made of.

from parity.testing import assert_parity

def test_my_port(parity_dump):
    dump = parity_dump("02")
    my_port.diarize(dump.clip, dump.folder)
    assert_parity(dump)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from parity.testing.dumps import PortDump


@pytest.fixture
def parity_dump(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], PortDump]:
    """Of a fixture's name, or the beginning of one: where a port leaves what it made of it."""
    from parity.testing.dumps import PortDump, chosen  # every test session loads this module: nothing heavy in it

    def make(fixture: str) -> PortDump:
        entry = chosen(fixture)
        folder = tmp_path_factory.mktemp("parity") / entry.name
        folder.mkdir()
        return PortDump(entry, folder)

    return make
