"""What `parity compare` says of where two dumps come from."""

from __future__ import annotations

import json

import pytest

from parity.fixtures.catalogue import default_folder
from parity.ports.dump.origin import origin_lines

MANIFEST = json.loads((default_folder() / "14_partial_tail" / "manifest.json").read_text(encoding="utf-8"))


def changed(**changes):
    """The manifest with top-level keys replaced, or entries of its tables where a table is given."""
    made = json.loads(json.dumps(MANIFEST))
    for key, value in changes.items():
        made[key] = {**made[key], **value} if isinstance(value, dict) else value
    return made


def test_two_versions_and_nothing_else_different_are_said_so():
    versions = {"pyannote.audio": "4.0.7"}
    assert origin_lines(MANIFEST, changed(pyannote_audio_version="4.0.7", versions=versions)) == (
        "pyannote.audio 4.0.4 on cpu against 4.0.7 on cpu.",
        "Nothing else is different: same clip, weights, parameters, libraries, threads and machine.",
    )


def test_devices_are_named_and_the_accelerator_of_one_side():
    lines = origin_lines(MANIFEST, changed(machine={"device": "cuda:1", "accelerator": "NVIDIA X"}))
    assert lines == (
        "pyannote.audio 4.0.4 on cpu against 4.0.4 on cuda:1.",
        "Also different: accelerator none against NVIDIA X.",
    )


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"machine": {"threads": 1}}, "threads 2 against 1"),
        ({"versions": {"torch": "2.8.0"}}, "torch 2.13.0+cpu against 2.8.0"),
        ({"weights": {"sha256": "ab" * 32}}, "weights 3114c51d3f2f against abababababab"),
        ({"clip_sha256": "cd" * 32}, "against cdcdcdcdcdcd"),
        ({"parameters": {"num_speakers": 4}}, "num_speakers none against 4"),
        ({"machine": {"numpy_cpu_features": ["AVX2", "X86_V3"]}}, "NumPy's instruction sets none against AVX2 X86_V3"),
    ],
)
def test_what_else_is_different_is_named_with_both_values(changes, said):
    first, second = origin_lines(MANIFEST, changed(**changes))
    assert first == "pyannote.audio 4.0.4 on cpu against 4.0.4 on cpu."
    assert second.startswith("Also different: ") and second.count(" against ") == 1 and said in second


def test_a_capture_made_elsewhere_that_says_less_is_not_called_equal():
    elsewhere = {key: MANIFEST[key] for key in ("pyannote_audio_version", "clip_sha256")} | {"numpy_version": "2.4.4"}
    assert origin_lines(elsewhere, MANIFEST) == (
        "pyannote.audio 4.0.4 on a device that is not named against 4.0.4 on cpu.",
        "Also different: numpy 2.4.4 against 2.4.6.",
        "The reference does not say its machine, parameters, versions, weights.",
    )


@pytest.mark.parametrize("manifest", [{}, {"pyannote_audio_version": 4}, {"anything": []}])
def test_a_port_that_names_no_version_gets_no_line(manifest):
    assert origin_lines(MANIFEST, manifest) == ()


def test_tables_that_are_no_tables_are_passed_over():
    odd = {"pyannote_audio_version": "4.0.4", "machine": [1], "weights": 3, "versions": None}
    assert origin_lines(odd, odd)[0].startswith("pyannote.audio 4.0.4 on a device")
