"""What code a result depends on is read in the sources: all that is imported, and nothing that is not."""

from __future__ import annotations

import pytest

from parity.kept import code
from parity.kept.code import code_key, imported

FBANK, EMBEDDINGS = "parity.community1.fbank", "parity.community1.embeddings"


@pytest.mark.parametrize(
    "source, modules",
    [
        ("import parity.community1.fbank", [FBANK]),
        ("from parity.community1 import fbank", [FBANK]),
        ("from parity.community1.fbank import compute_fbank", [FBANK]),
        ("def f():\n    from parity.community1 import fbank", [FBANK]),
        (
            "from parity.community1 import (\n    vbx,  # a comment, with a comma\n    fbank as other,\n)",
            ["parity.community1.vbx", FBANK],
        ),
        ("from parity.pipeline import ChunkSeries", ["parity.pipeline"]),
        ("import numpy\nfrom paritylike import x", []),
    ],
)
def test_imports_are_found_wherever_they_stand(source, modules):
    assert imported(source.encode()) == modules


def test_networks_and_filterbank_do_not_depend_on_what_follows_them():
    for roots in ((FBANK,), (EMBEDDINGS,), ("parity.networks.pyannet", "parity.networks.runtime")):
        depends = code._closure(roots)
        assert {*roots} <= depends and "parity.errors" in depends
        assert not {"parity.community1.vbx", "parity.community1.annotation", "parity.community1"} & depends


def test_another_line_in_a_module_that_is_imported_is_another_key(monkeypatch):
    before = code_key([EMBEDDINGS]), code_key([FBANK])
    sources = code._source
    changed = "parity.networks.wespeaker.masks"
    monkeypatch.setattr(code, "_source", lambda name: sources(name) + (b"\n" if name == changed else b""))
    assert code_key([EMBEDDINGS]) != before[0] and code_key([FBANK]) == before[1]


def test_a_module_that_is_not_there_is_no_key():
    with pytest.raises(FileNotFoundError, match=r"no module parity\.nothing"):
        code_key(["parity.nothing"])
