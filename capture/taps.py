"""Records what the reference computes while it runs, by tapping: no body of a reference function is copied.

A tap wraps a function, a method or an instance's attribute and hands arguments and result to a recorder, which copies
at once, for pyannote overwrites `count`, `hard_clusters` and aggregated arrays in place. A tapped function whose source
is not the one this was written against is refused: what a tap means depends on the body around it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from parity.errors import InputError


def source_hash(path: str) -> str:
    """The sha256 of a function's source text, `module:qualified.name`."""
    return hashlib.sha256(inspect.getsource(inspect.unwrap(resolve(path))).encode()).hexdigest()


def resolve(path: str) -> Any:
    """The object behind `module:qualified.name`."""
    module, _, name = path.partition(":")
    return functools.reduce(getattr, name.split("."), importlib.import_module(module))


def check_sources(expected: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse to tap functions that are not the ones this was written against.

    Parameters
    ----------
    expected : `module:qualified.name` -> sha256 of a source that was read -> the versions that have it

    Raises
    ------
    InputError : names every function whose source differs, with both hashes
    """
    changed = []
    for path, wanted in expected.items():
        try:
            got = source_hash(path)
        except (ImportError, AttributeError, OSError, TypeError) as error:
            changed.append(f"{path} cannot be read ({error})")
            continue
        if got not in wanted:
            read = " or ".join(f"{known[:12]} ({versions})" for known, versions in wanted.items())
            changed.append(f"{path} is {got[:12]}, written against {read}")
    if changed:
        raise InputError(
            f"capture: {len(changed)} tapped functions are not those of the versions that were read: "
            f"{'; '.join(changed)}; install the `capture` extra as pinned, or read what changed and add to "
            f"capture/sources.json"
        )


@contextmanager
def tapped(owner: Any, name: str, record: Callable[..., None]) -> Iterator[None]:
    """Wrap `owner.name` while the body runs; `record(result, *args, **kwargs)` sees every call, after it returned."""
    own = name in vars(owner)
    raw = inspect.getattr_static(owner, name)
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        record(result, *args, **kwargs)
        return result

    setattr(owner, name, wrapper)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, raw)
        else:
            delattr(owner, name)


@contextmanager
def all_tapped(taps: list[tuple[Any, str, Callable[..., None]]]) -> Iterator[None]:
    """Several taps at once."""
    with ExitStack() as stack:
        for owner, name, record in taps:
            stack.enter_context(tapped(owner, name, record))
        yield
