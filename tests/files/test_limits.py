"""How much memory a step may take: what the user says, what the system has free."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from parity.errors import InputError
from parity.files import limits as memory
from parity.files.limits import as_text, free_memory, memory_limit


@pytest.fixture
def system(monkeypatch, tmp_path):
    """A system with 8,000 kB free and no control group."""
    monkeypatch.delenv("PARITY_MEMORY", raising=False)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:   8000 kB\n", encoding="ascii")
    return tmp_path


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="ascii")


@pytest.mark.parametrize(
    "said, size",
    [("1000", 1000), ("800M", 800 * 10**6), ("2.5g", 2_500_000_000), ("1GB", 10**9), (" 3K ", 3000)],
)
def test_the_user_says_it(monkeypatch, said, size):
    monkeypatch.setenv("PARITY_MEMORY", said)
    assert memory_limit() == size


@pytest.mark.parametrize("said", ["0", "0G", "-1", "much", "1GiB", "1e9", "٣G", "."])
def test_what_is_no_number_of_bytes_is_refused(monkeypatch, said):
    monkeypatch.setenv("PARITY_MEMORY", said)
    with pytest.raises(InputError, match=r"PARITY_MEMORY=.*such as 800M"):
        memory_limit()


def test_half_of_what_is_free(system):
    assert memory_limit() == 8000 * 1024 // 2


def test_a_control_group_may_leave_less(system):
    group(system / "cgroup", memory__max="3000", memory__current="2000", memory__stat="anon 5\ninactive_file 500\n")
    assert free_memory() == 1500


def test_a_control_group_of_the_old_kind(system):
    files = {"memory__limit_in_bytes": "3000", "memory__usage_in_bytes": "2000"}
    group(system / "cgroup" / "memory", **files, memory__stat="total_inactive_file 100\n")
    assert free_memory() == 1100


def test_a_control_group_without_a_limit_leaves_what_is_free(system):
    group(system / "cgroup", memory__max="max", memory__current="2000", memory__stat="inactive_file 500\n")
    assert free_memory() == 8000 * 1024


def test_a_system_that_does_not_say_sets_no_limit(system, monkeypatch):
    (system / "meminfo").unlink()
    monkeypatch.setattr(memory.os, "sysconf", lambda name: (_ for _ in ()).throw(ValueError(name)), raising=False)
    assert free_memory() is None
    assert memory_limit() == math.inf


def test_bytes_in_words():
    assert [as_text(size) for size in (2_512_000_000, 800_000_000, 12_345)] == ["2.5 GB", "800 MB", "12 kB"]
