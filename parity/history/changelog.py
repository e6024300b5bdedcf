"""What a changelog says of a version, and which parts of that own up to something that got worse."""

from __future__ import annotations

import re

SECTION = re.compile(r"^## \[([^\]]+)\](.*)$", re.M)
OWNS_UP = re.compile(r"^### Got worse[ \t]*\n(.*?)(?=^### |\Z)", re.M | re.S | re.I)


def entry(changelog: str, version: str) -> str:
    """What the changelog says of a version, without its heading; empty where it has no section or says nothing.

    Headings alone (`### Added` with nothing beneath) say nothing.
    """
    found = list(SECTION.finditer(changelog))
    for section, following in zip(found, [*found[1:], None]):
        if section[1] == version:
            text = changelog[section.end() : following.start() if following else len(changelog)].strip()
            told = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
            return text if told else ""
    return ""


def owns_up(changelog: str, version: str, name: str) -> bool:
    """Whether a version's section names something beneath its heading `### Got worse`.

    Parameters
    ----------
    name : of an artefact or a recording, as a word of its own
    """
    told = "\n".join(OWNS_UP.findall(entry(changelog, version) + "\n"))
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", told) is not None
