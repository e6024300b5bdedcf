"""A griffe extension: what stands behind `name : ` in our docstrings describes the thing; its type is in the signature.

NumPy's convention has the type there. Without this, the site would set every description in the column of types.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

SECTIONS = re.compile(r"^(Parameters|Attributes|Returns|Yields|Raises)\n-+$", re.M)
ENTRY = re.compile(r"^(?P<name>[\w*., ]+) : (?P<text>.*)$")
ARRAY_ENTRIES = ("Returns", "Yields")


class Described(griffe.Extension):
    """Rewrites the sections before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Each object's own docstring, once it is complete."""
        if obj.docstring is not None:
            obj.docstring.value = described(obj.docstring.value)


def described(text: str) -> str:
    """`name : what it is` as `name` with the description beneath, in the sections that list things."""
    found = list(SECTIONS.finditer(text))
    for section, following in reversed(list(zip(found, [*found[1:], None]))):
        end = following.start() if following else len(text)
        body = _body(text[section.end() : end], section[1])
        text = text[: section.end()] + body + text[end:]
    return text


def _body(body: str, section: str) -> str:
    lines = []
    for line in body.splitlines():
        entry = ENTRY.match(line)
        if entry and section in ARRAY_ENTRIES:
            lines += [f"{entry['name']} :", f"    {entry['text']}"]
        elif entry:
            lines += [entry["name"], f"    {entry['text']}"]
        else:
            lines.append(line)
    return "\n".join(lines) + ("\n" if body.endswith("\n") else "")
