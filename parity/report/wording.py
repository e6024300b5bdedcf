"""Numbers as reports print them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from parity.errors import one_line


def both(ours: int, theirs: int) -> str:
    """One number where the sides agree, two where they do not."""
    return str(ours) if ours == theirs else f"{ours} (reference {theirs})"


def capital(text: str) -> str:
    """Words as a sentence begins; empty ones stay empty."""
    return text[:1].upper() + text[1:]


def number(value: float | None) -> str:
    """A DER with four decimals; an exact zero as 0."""
    return "—" if value is None else ("0" if value == 0 else f"{value:.4f}")


def inert(text: str) -> str:
    """Text from outside as one line of Markdown that says the same and does nothing: no tag, no link, no cell."""
    return re.sub(r"([\\\[\]|])", r"\\\1", escape(one_line(text), quote=False))


def code_span(text: str) -> str:
    """Text from outside as one span of code in Markdown, whatever backticks it holds (CommonMark 0.31, 6.1)."""
    line = one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def markdown_lines(rows: Iterable[Iterable[str]]) -> list[str]:
    """Rows of cells of our own words as lines of a Markdown table, the rule under the headings being one of them."""
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def inert_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines of a Markdown table with text from outside in its cells."""
    columns = list(columns)
    return ["| " + " | ".join(map(inert, row)) + " |" for row in (columns, ["---"] * len(columns), *rows)]


def scientific(value: float | str | None) -> str:
    """A drift."""
    return "—" if value is None else (value if isinstance(value, str) else ("0" if value == 0 else f"{value:.1e}"))


def either(names: Sequence[str]) -> str:
    """Names of which one is meant."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def listed(names: Sequence[str]) -> str:
    """Names of which all are meant."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def said(word: str, *sentences: str) -> str:
    """The first line of a report: the verdict in capitals, then sentences; empty ones are left out."""
    return " ".join([f"{word.upper()}.", *(f"{text.strip().rstrip('.')}." for text in sentences if text)])
