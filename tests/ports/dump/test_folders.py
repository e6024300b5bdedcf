"""One folder per fixture, or the folder of one fixture: told apart by what they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parity.errors import InputError
from parity.ports.dump.folders import folder_of, is_one_recording, pairs


def recording(folder: Path) -> Path:
    folder.mkdir(parents=True)
    np.save(folder / "embeddings.npy", np.zeros((1, 3, 256), np.float32))
    return folder


def test_a_folder_of_one_fixture_is_that_fixtures_whatever_its_name(tmp_path):
    one = recording(tmp_path / "anything")
    assert is_one_recording(one) and folder_of(one, "02_pyannote_sample") == one


def test_a_folder_per_fixture_gives_the_one_of_that_name(tmp_path):
    one = recording(tmp_path / "02_pyannote_sample")
    recording(tmp_path / "03_sparse_speech")
    assert not is_one_recording(tmp_path) and folder_of(tmp_path, "02_pyannote_sample") == one
    with pytest.raises(InputError, match=r"04_three_voices: not a folder; .* has 02_pyannote_sample, 03_sparse_speech"):
        folder_of(tmp_path, "04_three_voices")


def test_a_folder_of_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds neither arrays nor RTTM nor folders of them"):
        folder_of(tmp_path, "02_pyannote_sample")


@pytest.mark.parametrize("swapped", [False, True])
def test_one_recording_against_a_tree_is_its_namesake_there(tmp_path, swapped):
    one, other = recording(tmp_path / "mine" / "02"), recording(tmp_path / "theirs" / "02")
    recording(tmp_path / "theirs" / "03")
    sides = (one, tmp_path / "theirs"), (one, other)
    (given, found) = [side[::-1] for side in sides] if swapped else sides
    assert pairs(*given) == ({"02": found}, [])


def test_one_recording_without_a_namesake_is_refused(tmp_path):
    one = recording(tmp_path / "mine" / "02")
    recording(tmp_path / "theirs" / "03")
    with pytest.raises(InputError, match=r"02: is one recording, .* and none of them is 02"):
        pairs(tmp_path / "theirs", one)
