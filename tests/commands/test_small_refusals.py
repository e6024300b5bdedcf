"""Counts, threads and names that cannot be meant, or that print wrong, are refused or printed as they are."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console
from support.dump_examples import copy_of, reference
from support.report_examples import example

from parity.community1.parameters import MOST_SPEAKERS, Parameters
from parity.diarize import check_bounds, diarize
from parity.errors import InputError
from parity.networks.runtime import OnnxNetwork
from parity.ports.dump.comparison import compare_dumps
from parity.report.comparison import comparison_data, comparison_table
from parity.report.terminal import table


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"num_speakers": 3, "max_speakers": 2}, "num_speakers=3 is above max_speakers=2"),
        ({"num_speakers": 3, "min_speakers": 4}, "num_speakers=3 is below min_speakers=4"),
        ({"num_speakers": 10**20}, f"at most {MOST_SPEAKERS}"),
        ({"max_speakers": MOST_SPEAKERS + 1}, f"at most {MOST_SPEAKERS}"),
        ({"min_speakers": 0}, "at least 1"),
    ],
)
def test_impossible_counts_of_speakers_are_refused(bounds, words):
    with pytest.raises(InputError, match=words):
        diarize(np.zeros((1, 160000), np.float32), **bounds)


def test_counts_that_agree_are_taken():
    check_bounds(num_speakers=3, min_speakers=3, max_speakers=3)
    assert Parameters(num_speakers=3, min_speakers=3, max_speakers=3).speaker_bounds == (3, 3)
    assert Parameters(max_speakers=MOST_SPEAKERS).speaker_bounds == (1, MOST_SPEAKERS)


def test_more_threads_than_any_machine_has_are_refused():
    with pytest.raises(InputError, match="100000 threads; the limit is 1024"):
        OnnxNetwork(b"", 100_000)


def test_brackets_in_names_are_printed_as_they_are():
    from parity import console

    dump = copy_of(reference())
    dump.values["embeddings"] = dump.values["embeddings"] + np.float32(1e-6)
    document = example()
    document["fixtures"][0]["name"] = "x[/b]"
    data = comparison_data(compare_dumps("x[/b][red]", reference(), dump))
    stream = io.StringIO()
    printed = Console(file=stream, width=120, markup=console.stdout._markup)
    printed.print(table(document))
    printed.print(comparison_table(data))
    assert "x[/b][red]" in stream.getvalue() and " x[/b] " in stream.getvalue()
