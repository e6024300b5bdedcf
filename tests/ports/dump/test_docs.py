"""`docs/reference/dumps.md` says what the code does: every artefact, the limits, the conventions and the file names."""

from __future__ import annotations

import re

import numpy as np
import pytest
from support import ROOT

from parity.community1.geometry import FRAME_STEP_SECONDS, num_chunks
from parity.community1.parameters import Parameters
from parity.files import limits
from parity.files.arrays import SUFFIXES
from parity.fixtures.snapshot import OWN_NAMES, OWN_SUFFIXES
from parity.pipeline.artefact import ARTEFACTS, MAY_HOLD_NAN
from parity.ports.dump.deviations import FILE, KEYS, said
from parity.ports.dump.reading import BESIDE, read_dump
from parity.ports.dump.rttm import ROUNDING

TEXT = (ROOT / "docs" / "reference" / "dumps.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| `")]


def test_the_table_names_every_artefact_in_order_with_its_dims_dtype_unit_and_place():
    rows = [row for row in ROWS if len(row) == 5]
    assert [row[0].strip("`") for row in rows] == list(ARTEFACTS)
    for row, artefact in zip(rows, ARTEFACTS.values()):
        place = f"`{artefact.file}`"
        if artefact.key and artefact.dtype != "text":
            place += f", `{artefact.key}`"
        assert row[1:] == [f"({', '.join(artefact.dims)})", artefact.dtype, artefact.unit, place]


def test_every_letter_of_the_dims_is_explained():
    explained = {row[0].strip("`") for row in ROWS if len(row) == 2}
    letters = {letter for artefact in ARTEFACTS.values() for letter in artefact.dims if not letter.isdigit()}
    assert letters - {"T-1"} <= explained


def test_what_is_named_is_what_is_read():
    for name in (*SUFFIXES, *OWN_NAMES, *(f"*{suffix}" for suffix in OWN_SUFFIXES), *(f"{n}.npy" for n in BESIDE)):
        assert f"`{name}`" in TEXT, name
    nan = re.search(r"\*\*NaN\*\* may stand in (.*?), nowhere else", TEXT, re.S).group(1)
    assert set(re.findall(r"`(\w+)`", nan)) == MAY_HOLD_NAN


def test_limits_are_those_of_the_code():
    assert f"{limits.MOST_BYTES >> 30} GiB" in TEXT
    assert f"{ROUNDING * 1000:.1f} ms" in " ".join(TEXT.split())
    assert f"{FRAME_STEP_SECONDS} s" in TEXT


@pytest.mark.parametrize("samples", [1, 159_999, 160_000, 160_001, 176_000, 176_001, 480_000])
def test_the_formula_for_chunks_is_the_codes(samples):
    assert "`max(0, floor((n - 160000) / 16000) + 1)` whole ones, and one more where samples are left over" in TEXT
    whole = max(0, (samples - 160000) // 16000 + 1)
    covered = 160000 + (whole - 1) * 16000 if whole else 0
    assert num_chunks(samples) == whole + (samples > covered)


def test_a_file_written_from_the_paragraph_on_npy_is_read(tmp_path):
    header = re.search(r"`(\{'descr': '<f4'.*?\})`", TEXT).group(1).encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    numbers = np.arange(21 * 3 * 256, dtype="<f4")
    data = bytes.fromhex("934E554D5059 0100") + len(header).to_bytes(2, "little") + header + numbers.tobytes()
    (tmp_path / "embeddings.npy").write_bytes(data)
    found = read_dump(tmp_path)
    assert found.problems == [] and np.array_equal(found.values["embeddings"].ravel(), numbers)


def test_the_table_of_deviations_names_every_key_with_the_references_value_and_what_it_may_be():
    rows = {row[0].strip("`"): row[1:] for row in ROWS if len(row) == 4}
    want = {n: [f"`{said(getattr(Parameters(), n))}`", key.allowed, key.what] for n, key in KEYS.items()}
    assert rows == want and f"`{FILE}`" in TEXT
