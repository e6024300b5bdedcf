"""The pytest plugin: a port's test passes where the port is right, and says what `compare` says where it is not."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import read_snapshot
from parity.testing import PortDump, assert_parity, plugin

parity_dump = plugin.parity_dump
SNAPSHOT = read_snapshot(default_folder() / "14_partial_tail")
OF_A_PORT = """
import numpy as np
from parity.fixtures.snapshot import read_snapshot
from parity.testing import assert_parity

def made(dump):
    values = read_snapshot(dump.fixture.snapshot_folder).values
    dump.write("count", values["count"])
    dump.write_rttm(values["diarization"])
    return values

def test_right(parity_dump):
    dump = parity_dump("14")
    made(dump)
    assert_parity(dump)

def test_wrong(parity_dump):
    dump = parity_dump("14")
    dump.write("count", made(dump)["count"] + np.uint8(1))
    assert_parity(dump)
"""


def test_a_ports_own_tests(tmp_path):
    (tmp_path / "test_port.py").write_text(OF_A_PORT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "parity.testing.plugin"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # where it is installed, it would come twice
    arguments = ["--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, env=environment)
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "14_partial_tail: DRIFT. First to drift: count" in done.stdout and "Formula: kit, stage" in done.stdout
    assert "parity/testing/dumps.py" not in done.stdout  # the lab's own frames are not the port's


def test_what_is_required_has_to_be_there(parity_dump):
    dump = parity_dump("14")
    dump.write("embeddings", SNAPSHOT.values["embeddings"])
    with pytest.raises(AssertionError, match="LIMITED COVERAGE"):
        assert_parity(dump)
    assert_parity(dump, require=["embeddings"])
    assert_parity(dump.folder, "14", require=["embeddings"])


def test_wrong_names_are_said(parity_dump):
    with pytest.raises(InputError, match="unknown fixture"):
        parity_dump("99")
    dump = parity_dump("14")
    with pytest.raises(InputError, match="no artefact"):
        dump.write("embedding", np.zeros(3))
    with pytest.raises(InputError, match="of which fixture"):
        assert_parity(dump.folder)


def test_a_dump_knows_its_clip(tmp_path):
    (entry,) = Catalogue.read(default_folder()).select(["14"])
    assert PortDump(entry, tmp_path).clip == entry.clip()
