"""What somebody typed, against the names there are: the whole name, a beginning that only one has, or an error.

Task: typed names, known names -> known names, in the order typed. Fixtures, faults, stages and runtimes are all looked
up here, so that `02` is a fixture wherever one is asked for, and a slip of the finger is answered the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from parity.errors import InputError

CLOSE = 0.6
"""Share of letters in common (`difflib.SequenceMatcher.ratio`) from which a name is offered; difflib's own default."""
OFFERED = 3

LISTED = 30
"""Names that a message lists; there are hundreds of faults, and a line nobody reads helps nobody."""


def find_names(
    typed: Iterable[str],
    known: Iterable[str],
    *,
    refused: str,
    there_are: str,
    quote: Callable[[str], str] = str,
) -> list[str]:
    """The known names that were meant, each once.

    Parameters
    ----------
    typed : whole names, or beginnings that a single known name has
    refused : a message with `{}` for all the names that are unknown, such as ``--fault {}: unknown``
    there_are : what stands before the list of known names, such as ``there are:``
    quote : how a name is written in a message

    Raises
    ------
    InputError : some are unknown (all of them are said, with names close to them), or begin more than one name
    """
    typed, known = list(dict.fromkeys(typed)), list(known)
    meant = {name: meanings(name, known) for name in typed}
    if unknown := [name for name in typed if not meant[name]]:
        said = refused.replace("{}", ", ".join(map(quote, unknown)))
        raise InputError(f"{said}; {did_you_mean(unknown, known)}{there_are} {listed(known)}")
    for name, names in meant.items():
        if len(names) > 1:
            raise InputError(f"{quote(name)} begins more than one name: {listed(names)}; type more of it")
    return list(dict.fromkeys(names[0] for names in meant.values()))


def find_name(typed: str, known: Iterable[str], **words: Any) -> str:
    """The one known name that was meant; see `find_names`."""
    (found,) = find_names([typed], known, **words)
    return found


def listed(names: Iterable[str]) -> str:
    """Names for a message; of many the first ones, and how many more there are."""
    names = list(names)
    if len(names) <= LISTED:
        return ", ".join(names)
    first = names[: LISTED // 3]
    return f"{', '.join(first)}, and {len(names) - len(first)} more"


def meanings(typed: str, known: Iterable[str]) -> list[str]:
    """The known names that a typed one may stand for: itself, or all that begin with it."""
    known = list(known)
    return [typed] if typed in known else [name for name in known if typed and name.startswith(typed)]


def did_you_mean(typed: Iterable[str], known: Iterable[str]) -> str:
    """``did you mean a, b? `` with names close to those typed; empty where none is."""
    known = list(known)
    offered = dict.fromkeys(name for one in typed for name in close_names(one, known))
    return f"did you mean {', '.join(offered)}? " if offered else ""


def close_names(typed: str, known: Iterable[str]) -> list[str]:
    """At most three known names close to a typed one, the closest first; those that hold it before others."""
    known = list(known)
    holding = [name for name in known if len(typed) > 2 and typed.lower() in name.lower()]
    close = get_close_matches(typed.lower(), known, OFFERED, CLOSE)
    return list(dict.fromkeys([*holding, *close]))[:OFFERED]
