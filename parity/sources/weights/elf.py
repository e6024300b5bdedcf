"""The bytes behind exported data symbols of an ELF shared library, read as a file; nothing is loaded or run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.errors import InputError

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import Symbol


def read_symbols(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of data symbols, by their mangled name in `.dynsym`.

    Raises
    ------
    InputError : not an ELF file, or symbols that are missing, empty or not inside a section with content; all named
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    wanted = set(names)
    found: dict[str, bytes] = {}
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            table: Any = elf.get_section_by_name(".dynsym")
            for symbol in table.iter_symbols() if table else ():
                if symbol.name in wanted and symbol.name not in found:
                    found[symbol.name] = _content(elf, symbol)
    except (ELFError, OSError) as error:
        raise InputError(f"{path}: cannot be read as an ELF library ({error})") from error
    if missing := sorted(name for name in wanted if not found.get(name)):
        raise InputError(f"{path}: no data behind symbol {', '.join(missing)}")
    return found


def _content(elf: ELFFile, symbol: Symbol) -> bytes:
    start, size = symbol["st_value"], symbol["st_size"]
    index = symbol["st_shndx"]
    if isinstance(index, str):  # SHN_UNDEF, SHN_ABS: another library's, or no address
        return b""
    section = elf.get_section(index)
    if section["sh_type"] == "SHT_NOBITS":
        return b""
    elf.stream.seek(section["sh_offset"] + start - section["sh_addr"])
    return elf.stream.read(size)
