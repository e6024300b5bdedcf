"""Checkpoints that attack, through everything that takes one: none is run, none is taken."""

from __future__ import annotations

import pytest

from fuzz.hostile import CALLS, PLACES, hostile, names_in
from fuzz.materials import CONFIG
from parity.errors import InputError
from parity.networks.checkpoint import read_checkpoint
from parity.networks.wespeaker.checkpoints import read_embedding
from parity.rnnt.model import read_model
from parity.sources.weights import load_weights

READERS = {
    "checkpoint": lambda path: read_checkpoint(path).state_dict,
    "embedding": read_embedding,
    "rnnt": read_model,
    "--weights": lambda path: load_weights(str(path.parents[1])),
}


def test_there_are_150_and_each_names_what_it_would_call(tmp_path):
    found = dict(hostile(tmp_path / "canary"))
    assert len(found) == len(CALLS) * len(PLACES) >= 150 and len(set(found.values())) == len(found)
    named = {what: names_in(data) for what, data in found.items()}
    missing = [what for what, names in named.items() if what.partition(" ")[0] not in {".".join(n) for n in names}]
    assert missing == []


@pytest.mark.parametrize("reader", READERS)
def test_none_is_run_and_none_is_taken(tmp_path, reader):
    canary, folder = tmp_path / "canary", tmp_path / "weights"
    path = folder / "segmentation" / "pytorch_model.bin"
    path.parent.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    taken = []
    for what, data in hostile(canary):
        path.write_bytes(data)
        try:
            READERS[reader](path)
            taken.append(what)
        except InputError as error:
            assert "\n" not in str(error)
    assert taken == [] and not canary.exists()
