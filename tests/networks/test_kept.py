"""Graphs kept by content."""

from __future__ import annotations

import numpy as np
import pytest

from parity.errors import InputError
from parity.networks import kept as module
from parity.networks.kept import HASHES, MOST, content_key, kept, kept_model

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, dtype=np.float32)}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path))
    return tmp_path / "graphs"


class Builder:
    """Builds a file and counts how often."""

    def __init__(self, data: bytes = b"graph") -> None:
        self.data, self.built = data, 0

    def __call__(self) -> bytes:
        self.built += 1
        return self.data


def test_the_same_arrays_give_the_graph_that_was_kept():
    build = Builder()
    assert [kept_model(build, ARRAYS, "trunk") for _ in range(3)] == [b"graph"] * 3
    assert build.built == 1


@pytest.mark.parametrize(
    "other",
    [
        {**ARRAYS, "b": np.ones(2, dtype=np.float32)},
        {**ARRAYS, "a": ARRAYS["a"].reshape(3, 2)},
        {**ARRAYS, "b": np.zeros(2, dtype=np.float64)},
        {"a": ARRAYS["a"], "c": ARRAYS["b"]},
    ],
)
def test_a_value_a_shape_a_dtype_or_a_name_makes_another_key(other):
    assert content_key(other) != content_key(ARRAYS)
    assert content_key(dict(reversed(ARRAYS.items()))) == content_key(ARRAYS)


def test_the_source_of_a_module_and_any_other_word_are_part_of_the_key(monkeypatch):
    keys = {content_key(ARRAYS), content_key(ARRAYS, "trunk"), content_key(ARRAYS, module.__name__)}
    monkeypatch.setattr(module.inspect, "getsource", lambda found: "changed")
    keys.add(content_key(ARRAYS, module.__name__))
    assert len(keys) == 4


@pytest.mark.parametrize("damage", ["altered", "removed", "unlisted"])
def test_a_damaged_folder_is_built_again(damage):
    build = Builder()
    folder = kept(lambda: {"model": build()}, ARRAYS)
    if damage == "altered":
        (folder / "model").write_bytes(b"grape")
    elif damage == "removed":
        (folder / "model").unlink()
    else:
        (folder / HASHES).write_text("{}")
    assert (kept(lambda: {"model": build()}, ARRAYS) / "model").read_bytes() == b"graph"
    assert build.built == 2


def test_only_the_latest_stay(cache):
    for number in range(MOST + 3):
        kept_model(Builder(), ARRAYS, str(number))
    assert len(list(cache.iterdir())) == MOST
    assert (cache / content_key(ARRAYS, str(MOST + 2))).is_dir()


def test_without_a_cache_a_graph_is_built_and_not_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "file"))
    build = Builder()
    assert [kept_model(build, ARRAYS), kept_model(build, ARRAYS)] == [b"graph", b"graph"]
    assert build.built == 2
    with pytest.raises(InputError):
        kept(lambda: {"model": b""}, ARRAYS)
