"""A program's own faults: planted one at a time through the contract, found as faults in Python are."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from support import ROOT
from support.synthetic import automatic, captured, inputs, networks

from parity.calibration.programs import AS_IT_IS, faults_of
from parity.calibration.trials import bench_of, calibrate
from parity.community1 import Parameters
from parity.errors import InputError
from parity.fixtures.prepare import Prepared
from parity.ports.program.contract import description_of
from parity.ports.python import NATIVE, load_implementation

PORT = f"exec:{sys.executable} {ROOT / 'tests/support/port_program.py'}"
GOOD = {"protocol": 1, "name": "p", "version": "1", "stages": ["assignment"]}

pytestmark = pytest.mark.usefixtures("one_blas_thread")


def test_each_fault_of_a_program_is_planted_found_and_restored_and_the_program_as_it_is_is_silent(tmp_path):
    snapshot = captured(automatic(), tmp_path / "one")
    ready = Prepared(SimpleNamespace(name="clip"), Parameters(), snapshot, inputs())
    bench = bench_of(ready, networks(), weights=None)
    with load_implementation(PORT) as under_test:
        faults = [fault for fault in faults_of(under_test) if fault.name in (AS_IT_IS, "swapped")]
        found = calibrate([bench], faults)
    as_it_is, swapped = found.findings
    assert (as_it_is.moving, as_it_is.detected, as_it_is.named) == (False, False, None)
    assert (swapped.moving, swapped.detected, swapped.named, swapped.restored) == (True, True, "assignment", True)
    assert swapped.decisive_consistent and found.passed


def test_what_has_no_faults_of_its_own_says_so():
    with pytest.raises(InputError, match="--implementation native: is no program; faults in Python are taken from"):
        faults_of(NATIVE)
    with load_implementation(f"{PORT} --rnnt") as under_test, pytest.raises(InputError, match="names no `faults`"):
        faults_of(under_test)


@pytest.mark.parametrize(
    "faults, words",
    [
        ({"greedy": "assignment"}, 'faults is {"greedy": "assignment"}, expected a list of objects'),
        (["greedy"], 'faults: "greedy", expected an object with name, stage and about'),
        ([{"name": "greedy", "stage": "assignment"}], "expected an object with name, stage and about"),
        ([{"name": 3, "stage": "assignment", "about": "x"}], "faults: name is 3, expected text on one line"),
        ([{"name": "a", "stage": "assignment", "about": "x"}] * 2, "faults: a more than once"),
    ],
)
def test_faults_that_are_none_are_refused(faults, words):
    with pytest.raises(InputError) as refused:
        description_of("p describe", GOOD | {"faults": faults})
    assert words in str(refused.value) and "\n" not in str(refused.value)
