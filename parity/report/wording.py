"""Numbers as reports print them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def both(ours: int, theirs: int) -> str:
    """One number where the sides agree, two where they do not."""
    return str(ours) if ours == theirs else f"{ours} (reference {theirs})"


def number(value: float | None) -> str:
    """A DER with four decimals; an exact zero as 0."""
    return "—" if value is None else ("0" if value == 0 else f"{value:.4f}")


def markdown_lines(rows: Iterable[Iterable[str]]) -> list[str]:
    """Rows of cells as lines of a Markdown table, the rule under the headings being one of them."""
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def scientific(value: float | str | None) -> str:
    """A drift."""
    return "—" if value is None else (value if isinstance(value, str) else ("0" if value == 0 else f"{value:.1e}"))


def either(names: Sequence[str]) -> str:
    """Names of which one is meant."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
