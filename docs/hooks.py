"""What the site generates from the code: commands, tolerances, JSON schemas, and a page of Python per room.

mkdocs calls the two functions at the end by their names. Nothing is written into `docs/`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from typer.main import get_command

import parity
from parity.__main__ import app
from parity.measure import tolerances
from parity.pipeline.artefact import ARTEFACTS

ROOT = Path(parity.__file__).parents[1]
PYTHON = "reference/python"
LOOSE = ("parity.diarize", "parity.errors")
DOCUMENTED = ("parity", "capture")
KINDS = (griffe.Kind.MODULE, griffe.Kind.CLASS, griffe.Kind.FUNCTION)
log = get_plugin_logger("docstrings")


def commands_page() -> str:
    """Every command with its options, read from the command line itself."""
    whole = get_command(app)
    parts, panel = ["# All commands", _help(whole)], ""
    for path, command, group in _commands(whole, "parity"):
        if group != panel:
            parts, panel = [*parts, f"## {group}"], group
        parts += [f"### `{path}`", _help(command), _usage(path, command), _table(command)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _commands(group: Any, path: str, panel: str = "") -> Iterator[tuple[str, Any, str]]:
    """Path, command, and the group of `--help` that it stands in; a group's own commands stand where it does."""
    shown = [command for command in group.commands.values() if not command.hidden]
    panels = list(dict.fromkeys(_panel(command, panel) for command in shown))
    for command in sorted(shown, key=lambda command: panels.index(_panel(command, panel))):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {command.name}", _panel(command, panel))
        else:
            yield f"{path} {command.name}", command, _panel(command, panel)


def _panel(command: Any, otherwise: str) -> str:
    panel = getattr(command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else otherwise


def _help(command: Any) -> str:
    return inspect.cleandoc(command.help or "").replace("\f", "")


def _usage(path: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    words = [_name(parameter) if parameter.required else f"[{_name(parameter)}]" for parameter in arguments]
    return f"```text\n{' '.join([path, *words, '[OPTIONS]'])}\n```"


def _name(argument: Any) -> str:
    return f"{argument.name.upper()}{' …' if argument.nargs == -1 else ''}"


def _table(command: Any) -> str:
    rows = [_row(parameter) for parameter in command.params if getattr(parameter, "help", None) or parameter.opts]
    return "\n".join(["| | | default |", "|---|---|---|", *rows])


def _row(parameter: Any) -> str:
    argument = parameter.param_type_name == "argument"
    names = [_name(parameter)] if argument else [*parameter.opts, *(parameter.secondary_opts or ())]
    value = "" if parameter.default in (None, [], ()) or callable(parameter.default) else f"`{parameter.default}`"
    about = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| {', '.join(f'`{name}`' for name in names)} | {about} | {value} |"


def tolerances_page() -> str:
    """The table of limits with its reasons, in the pipeline's order."""
    parts = ["# Tolerances, with their reasons", inspect.getdoc(tolerances) or ""]
    parts.append(
        "*Alone* is the stage on the reference's own inputs, *in the cascade* on what earlier stages of the same port "
        "made ([the difference](../explanation/replays.md)). 0 means equal or not. The code is "
        "`parity/measure/tolerances.py`."
    )
    rows = ["| artefact | alone | why | in the cascade | why |", "|---|---|---|---|---|"]
    names = [*ARTEFACTS, *(name for name in tolerances.ISOLATED if name not in ARTEFACTS)]
    for name in names:
        alone, carried = tolerances.ISOLATED[name], tolerances.CASCADED[name]
        same = alone is carried
        cells = (_limit(alone), alone.reason, "the same" if same else _limit(carried), "" if same else carried.reason)
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n\n".join([*parts, "\n".join(rows)]) + "\n"


def _limit(found: tolerances.Tolerance) -> str:
    rms = "" if found.rms is None else f"; RMS {found.rms:g}"
    return f"{found.max_abs:g}{rms}"


def rooms() -> dict[str, list[tuple[str, bool]]]:
    """Name of a room -> its modules, the package first: full name, and whether it is a package. None is imported."""
    found = {}
    for room in pkgutil.iter_modules(parity.__path__):
        if room.ispkg and room.name != "commands":
            name = f"parity.{room.name}"
            path = importlib.import_module(name).__path__
            inside = pkgutil.walk_packages(path, f"{name}.")
            modules = [(module.name, module.ispkg) for module in inside if ".faults." not in module.name]
            found[room.name] = [(name, True), *modules]
    return found


def python_pages() -> dict[str, str]:
    """File name -> page: the public face, one page per room, and an index of them."""
    pages = {"face.md": _face()}
    lines = ["# Python", "", "- [The public face](face.md): what `import parity` offers."]
    for room, modules in rooms().items():
        about = (inspect.getdoc(importlib.import_module(f"parity.{room}")) or "").splitlines()[0]
        lines.append(f"- [`parity.{room}`]({room}.md): {about}")
        pages[f"{room}.md"] = f"# parity.{room}\n\n" + "\n\n".join(_rendered(*module) for module in modules) + "\n"
    pages["index.md"] = "\n".join(lines) + "\n"
    return pages


def _rendered(module: str, package: bool) -> str:
    """A module's docstring and members; of a package only what is written in it, for what it hands on stands below."""
    if not package:
        return f"::: {module}"
    names = vars(importlib.import_module(module)).items()
    own = [name for name, value in names if name[0] != "_" and getattr(value, "__module__", None) == module]
    return f"::: {module}\n    options:\n      members: {own or 'false'}"


def _face() -> str:
    """What `import parity` hands on, with where it is written; then the modules that stand in no room."""
    places = {name: (module, name) for name, module in parity.HANDED_ON.items()} | parity.CALLED
    rows = ["| | what it does | in full |", "|---|---|---|"]
    for name in sorted(places, key=str.lower):
        module, inside = places[name]
        said = (inspect.getdoc(getattr(importlib.import_module(module), inside)) or "").splitlines()[0]
        rows.append(f"| `parity.{name}` | {said} | [`{module}.{inside}`][{module}.{inside}] |")
    parts = ["# The public face", inspect.getdoc(parity) or "", "\n".join(rows), *(f"::: {name}" for name in LOOSE)]
    return "\n\n".join(parts) + "\n"


def undocumented() -> list[str]:
    """Full names of public modules, classes, functions and methods without a docstring."""
    found = [griffe.load(package, search_paths=[ROOT]) for package in DOCUMENTED]
    return sorted(name for package in found for name in _undocumented(package))


def _undocumented(thing: griffe.Object) -> Iterator[str]:
    if not thing.has_docstring:
        yield thing.path
    for name, member in thing.members.items():
        if not (name.startswith("_") or member.is_alias) and member.kind in KINDS:
            yield from _undocumented(member)


def schemas() -> list[Path]:
    """Every published schema; `docs/make_schemas.py` makes the page that lists them."""
    return [
        path
        for folder in ("parity", "bench", "fuzz", "peers", "release")
        for path in (ROOT / folder).rglob("*schema.json")
    ]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages of Python into the navigation, where `reference/python/` stands for them."""
    pages = [f"{PYTHON}/{name}" for name in ("index.md", "face.md", *(f"{room}.md" for room in rooms()))]
    _replace(config.nav, f"{PYTHON}/", pages)
    return config


def _replace(nav: Any, old: str, new: list[str]) -> None:
    for item in nav if isinstance(nav, list) else ():
        for key, value in item.items() if isinstance(item, dict) else ():
            if value == old:
                item[key] = new
            else:
                _replace(value, old, new)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated to what lies in `docs/`. A missing docstring is a warning, which a strict build refuses."""
    for name in undocumented():
        log.warning("%s: no docstring", name)
    made = {"reference/commands.md": commands_page(), "reference/tolerances.md": tolerances_page()}
    made |= {f"{PYTHON}/{name}": page for name, page in python_pages().items()}
    made |= {f"reference/schemas/{path.name}": path.read_text(encoding="utf-8") for path in schemas()}
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))
    return files
