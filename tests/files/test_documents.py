"""Documents from outside: what may be read, and what they may say; each refusal of one kind, in bounded time."""

from __future__ import annotations

import contextlib
import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.files.documents import MOST_DEPTH, parse_json, parse_toml, read_bytes, read_json, read_text

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_json_can_say_is_read_as_json_reads_it(value):
    assert parse_json(json.dumps(value)) == value


@given(st.binary(max_size=64) | st.text('[]{}",:0123456789eE+-.ntu\\ud8', max_size=64))
def test_whatever_is_in_it_the_only_error_is_one_of_value(text):
    for parse in (parse_json, lambda text: parse_toml(text if isinstance(text, str) else text.decode("latin1"))):
        with contextlib.suppress(ValueError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "key 'a' is there twice"),
        ('[{"b": {"a": 1, "a": 1}}]', "key 'a' is there twice"),
        ("[NaN]", "NaN is no number of JSON"),
        ("-Infinity", "-Infinity is no number of JSON"),
        ("1e400", "number '1e400' is beyond what a float holds"),
        ("1" + "0" * 400, "has more than 19 digits"),
        ("9" * 5000, "has more than 19 digits"),
        ('"\\ud800"', "half of a surrogate pair"),
        ('{"\\udfff": 1}', "half of a surrogate pair"),
        ("[" * 100_000, "brackets within brackets"),
        ("[" * 100 + "]" * 100, "brackets within brackets"),
        ('{"a":' * 5000, "brackets within brackets"),
        ("", "Expecting value"),
        (b"\xff\xfe", "decode"),
        ("[1,]", "Illegal trailing comma|Expecting value"),
    ],
)
def test_what_is_not_json_or_too_much_of_it_says_why(text, said):
    with pytest.raises(ValueError, match=said) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text", ["a = nan", "a = inf", "a = " + "[" * 5000, "a = " + "[" * 100 + "]" * 100, "a = 1\na = 2", "="]
)
def test_the_same_of_toml(text):
    with pytest.raises(ValueError):
        parse_toml(text)


def test_as_deep_as_the_limit_is_read():
    assert parse_json("[" * (MOST_DEPTH - 1) + "1" + "]" * (MOST_DEPTH - 1)) is not None


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name in ("pipe", "link", "socket", ".", "missing"):
            with pytest.raises(OSError):
                read_text(tmp_path / name)


def test_a_file_beyond_the_limit_is_refused_with_both(tmp_path):
    (tmp_path / "x").write_bytes(b"1" * 1000)
    with pytest.raises(OSError, match="1,000 bytes, the limit is 999"):
        read_bytes(tmp_path / "x", 999)
    assert read_bytes(tmp_path / "x", 1000) == b"1" * 1000


def test_another_encoding_is_an_error_of_value(tmp_path):
    (tmp_path / "x").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(ValueError):
        read_json(tmp_path / "x")
