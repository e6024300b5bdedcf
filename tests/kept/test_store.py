"""Results on disk: what is damaged is never believed, what is longest unused goes, processes do not mind each other."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from parity.errors import InputError
from parity.kept.store import DEFAULT_SIZE, Store, key_of, size_limit, token

KEY = key_of("some", "thing")
ARRAYS = (
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array([[1.5, np.nan]]),
    np.arange(3),
    np.zeros((0, 4), np.float32),
    np.array(7, np.int64),
    np.array([True, False]),
)


def path_of(store: Store, key: str):
    return store.folder / key[:2] / key


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_what_is_put_is_got(tmp_path, array):
    store = Store(tmp_path, 10**6)
    assert store.get(KEY) is None
    store.put(KEY, array)
    found = store.get(KEY)
    assert found.dtype == array.dtype and found.shape == array.shape
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("bit", [0, 7])
def test_a_bit_flipped_anywhere_is_found_and_the_entry_goes(tmp_path, bit):
    store = Store(tmp_path, 10**6)
    store.put(KEY, ARRAYS[0])
    whole = path_of(store, KEY).read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path_of(store, KEY).write_bytes(damaged)
        assert store.get(KEY) is None, place
        assert not path_of(store, KEY).exists()


def test_a_file_that_is_cut_off_is_found(tmp_path):
    store = Store(tmp_path, 10**6)
    store.put(KEY, ARRAYS[0])
    whole = path_of(store, KEY).read_bytes()
    for length in (0, 31, 32, len(whole) - 1):
        path_of(store, KEY).write_bytes(whole[:length])
        assert store.get(KEY) is None


def test_a_whole_entry_under_another_key_is_not_believed(tmp_path):
    store, other = Store(tmp_path, 10**6), key_of("another")
    store.put(KEY, ARRAYS[0])
    path_of(store, other).parent.mkdir(parents=True, exist_ok=True)
    path_of(store, KEY).rename(path_of(store, other))
    assert store.get(other) is None


def test_keys_and_tokens_tell_apart_what_differs():
    assert len({key_of("a", "b"), key_of("ab"), key_of("a", "b", ""), key_of("b", "a")}) == 4
    one = np.arange(4, dtype=np.float32)
    alike = (one, one.reshape(2, 2), one.view(np.int32), one.astype(np.float64), one + 1, -one)
    assert len({token(array) for array in alike}) == len(alike)
    assert token(np.array([0.0])) != token(np.array([-0.0]))
    assert token(np.arange(9).reshape(3, 3).T) == token(np.arange(9).reshape(3, 3).T.copy())


def test_the_longest_unused_go_first_and_the_limit_holds(tmp_path):
    array = np.zeros(1000, np.uint8)
    store = Store(tmp_path, 40_000)
    keys = [key_of(str(number)) for number in range(30)]
    for number, key in enumerate(keys):
        store.put(key, array)
        os.utime(path_of(store, key), (number, number))
    for number in range(30, 60):
        assert store.get(keys[0]) is not None  # used all the time
        store.put(key_of(str(number)), array)
    kept = [path for path in tmp_path.glob("*/*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) <= 40_000
    assert store.get(keys[0]) is not None and store.get(keys[1]) is None
    assert store.get(key_of("59")) is not None


@pytest.mark.parametrize("limit", [0, 100])
def test_what_is_larger_than_the_limit_is_not_kept(tmp_path, limit):
    store = Store(tmp_path, limit)
    store.put(KEY, np.zeros(1000))
    assert store.get(KEY) is None and not list(tmp_path.iterdir())


def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(tmp_path):
    store = Store(tmp_path, 10**6)
    store.put(KEY, ARRAYS[0])
    old, new = (path_of(store, KEY).with_name(f".{name}.part") for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    store.drop_unused()
    assert not old.exists() and new.exists() and store.get(KEY) is not None


def test_a_cache_that_cannot_be_written_keeps_nothing_and_does_not_stop_anybody(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "results", 10**6)
    store.put(KEY, ARRAYS[0])
    assert store.get(KEY) is None


@pytest.mark.parametrize("text, limit", [("", DEFAULT_SIZE), ("0", 0), ("800M", 8 * 10**8), ("2.5G", 25 * 10**8)])
def test_the_limit_is_the_users(monkeypatch, text, limit):
    monkeypatch.setenv("PARITY_CACHE_SIZE", text)
    assert size_limit() == limit


@pytest.mark.parametrize("text", ["much", "-1", "1.5.2G", "nan"])
def test_a_limit_that_is_no_size_is_refused(monkeypatch, text):
    monkeypatch.setenv("PARITY_CACHE_SIZE", text)
    with pytest.raises(InputError, match=r"PARITY_CACHE_SIZE=.*such as 800M"):
        size_limit()


WRITER = """
import sys, numpy as np
from pathlib import Path
from parity.kept.store import Store, key_of
store = Store(Path(sys.argv[1]), 60_000)
for round in range(15):
    for number in range(40):
        key, want = key_of(str(number)), np.full(500, number)
        found = store.get(key)
        assert found is None or np.array_equal(found, want), number
        store.put(key, want)
"""


def test_processes_that_write_read_and_drop_at_once_never_read_anything_wrong(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
