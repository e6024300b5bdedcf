"""Numbers as reports print them."""

from __future__ import annotations


def both(ours: int, theirs: int) -> str:
    """One number where the sides agree, two where they do not."""
    return str(ours) if ours == theirs else f"{ours} (reference {theirs})"


def number(value: float | None) -> str:
    """A DER with four decimals; an exact zero as 0."""
    return "—" if value is None else ("0" if value == 0 else f"{value:.4f}")


def scientific(value: float | str | None) -> str:
    """A drift."""
    return "—" if value is None else (value if isinstance(value, str) else ("0" if value == 0 else f"{value:.1e}"))
