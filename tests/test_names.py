from __future__ import annotations

import pytest

from parity.errors import InputError
from parity.names import close_names, find_name, find_names

KNOWN = ("01_far_field_pair", "02_pyannote_sample", "03_sparse_speech", "onnx", "onnx-float16", "onnx-int8-dynamic")
WORDS = {"refused": "--fixture {}: unknown", "there_are": "there are:"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("02_pyannote_sample", "02_pyannote_sample"),
        ("02", "02_pyannote_sample"),
        ("03_sp", "03_sparse_speech"),
        ("onnx", "onnx"),  # whole, though others begin so
        ("onnx-f", "onnx-float16"),
    ],
)
def test_a_whole_name_or_a_beginning_that_only_one_has_is_that_name(typed, meant):
    assert find_name(typed, KNOWN, **WORDS) == meant


@pytest.mark.parametrize("typed", ["", "2", "02_pyannote_sample_2", "ONNX"])
def test_anything_else_is_no_name(typed):
    with pytest.raises(InputError, match=rf"--fixture {typed}: unknown; .*there are: 01_far"):
        find_name(typed, KNOWN, **WORDS)


def test_a_beginning_of_several_is_an_error_that_names_those_and_no_others():
    with pytest.raises(InputError) as caught:
        find_name("0", KNOWN, **WORDS)
    assert all(name in str(caught.value) for name in KNOWN[:3]) and "onnx" not in str(caught.value)


def test_of_hundreds_a_message_lists_the_first_and_says_how_many_more():
    many = [f"fault_{number:03}" for number in range(315)]
    for typed, said in (("nonsense", "there are: fault_000, "), ("fault", "begins more than one name: fault_000, ")):
        with pytest.raises(InputError) as caught:
            find_name(typed, many, **WORDS)
        assert said in str(caught.value) and "fault_009, and 305 more" in str(caught.value)


def test_all_unknown_names_are_in_one_error_with_what_may_have_been_meant():
    with pytest.raises(InputError) as caught:
        find_names(["pyannote_sample", "02", "onx", "xyz"], KNOWN, quote=repr, **WORDS)
    assert str(caught.value).startswith("--fixture 'pyannote_sample', 'onx', 'xyz': unknown; did you mean 02_py")
    assert "onnx?" in str(caught.value) or "onnx, " in str(caught.value)


def test_braces_in_a_name_are_no_formatting():
    with pytest.raises(InputError, match=r"--fixture \{0\}: unknown; there are"):
        find_name("{0}", KNOWN, **WORDS)


def test_each_name_comes_once_in_the_order_typed():
    assert find_names(["03", "02", "02_pyannote_sample"], KNOWN, **WORDS) == ["03_sparse_speech", "02_pyannote_sample"]
    assert find_names([], KNOWN, **WORDS) == []


@pytest.mark.parametrize(("typed", "offered"), [("sample", 1), ("zzz", 0), ("x", 0)])
def test_names_that_are_not_close_are_not_offered(typed, offered):
    assert len(close_names(typed, KNOWN)) == offered
