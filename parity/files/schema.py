"""Is a document of the form that was expected? Forms are written as small documents of types.

`str`, `int`, `bool`: of that type; `float`: any number; `dict`, `list`: anything of the kind; `None`: null; `[form]`: a
list of such; `{...: form}`: an object with any keys; `{"a": form, "b?": form}`: one with the key `a`, perhaps with `b`,
and perhaps with others; `(form, form)`: one of them.
"""

from __future__ import annotations

from typing import Any

NAMES: dict[Any, str] = {
    **{str: "a text", int: "a whole number", bool: "true or false", float: "a number"},
    **{dict: "an object", list: "a list", None: "null"},
}
SHOWN = 40


def check_form(found: Any, form: Any, where: str = "") -> None:
    """Refuse a document that is not of a form.

    Parameters
    ----------
    where : what a message calls the document; keys are joined to it by dots

    Raises
    ------
    ValueError : it names the place, what is there, and what was expected
    """
    if isinstance(form, tuple):
        if not any(_fits(found, one) for one in form):
            _refuse(found, " or ".join(_name(one) for one in form), where)
    elif isinstance(form, dict):
        _check_object(found, form, where)
    elif isinstance(form, list):
        if not isinstance(found, list):
            _refuse(found, NAMES[list], where)
        for number, one in enumerate(found):
            check_form(one, form[0], f"{where}[{number}]")
    elif not _is(found, form):
        _refuse(found, NAMES[form], where)


def _check_object(found: Any, form: dict[Any, Any], where: str) -> None:
    if not isinstance(found, dict):
        _refuse(found, NAMES[dict], where)
    for key, wanted in form.items():
        if key is ...:
            for name, one in found.items():
                check_form(one, wanted, _joined(where, name))
        elif (name := key.removesuffix("?")) in found:
            check_form(found[name], wanted, _joined(where, name))
        elif not key.endswith("?"):
            raise ValueError(f"`{_joined(where, name)}` is missing")


def _fits(found: Any, form: Any) -> bool:
    try:
        check_form(found, form)
    except ValueError:
        return False
    return True


def _is(found: Any, kind: Any) -> bool:
    if kind is None or isinstance(found, bool):
        return found is None if kind is None else kind is bool
    return isinstance(found, (int, float) if kind is float else kind)


def _name(form: Any) -> str:
    return NAMES[type(form) if isinstance(form, (dict, list)) else form]


def _joined(where: str, name: str) -> str:
    shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}…"
    return f"{where}.{shown}" if where else shown


def _refuse(found: Any, wanted: str, where: str) -> None:
    place = f"`{where}`" if where else "the document"
    raise ValueError(f"{place} is {found!r:.{SHOWN}}, expected {wanted}")
