"""The lock file of weight sets: names, symbols, and a hash for every set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from parity.files.documents import parse_toml

LOCK = Path(__file__).with_name("lock.toml")


@dataclass(frozen=True)
class Symbol:
    """A data symbol of the library in the wheel, and the array it holds."""

    symbol: str
    dtype: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class LockedSet:
    """One known weight set.

    Attributes
    ----------
    sha256 : hash over the hashes of all its tensors, whatever files hold them
    tensors : sha256 of each tensor by its content, `part/name`
    symbols : for the set taken from wheels, where its arrays are
    """

    name: str
    sha256: str
    tensors: dict[str, str]
    symbols: dict[str, Symbol]


@cache
def locked_sets() -> dict[str, LockedSet]:
    """Every weight set of the lock file, by name."""
    table = parse_toml(LOCK.read_text(encoding="utf-8"))
    return {name: _locked_set(name, row) for name, row in table.items()}


def locked_set(name: str) -> LockedSet:
    """One weight set of the lock file."""
    return locked_sets()[name]


def _locked_set(name: str, row: dict[str, Any]) -> LockedSet:
    symbols = {
        key: Symbol(entry["symbol"], entry.get("dtype", ""), tuple(entry.get("shape", ())))
        for key, entry in row.get("symbols", {}).items()
    }
    return LockedSet(name=name, sha256=row["sha256"], tensors=row.get("tensors", {}), symbols=symbols)
