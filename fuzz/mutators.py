"""Files spoilt by their format: a good file's bytes and a random generator -> other bytes, corrupt or not.

Conventions: `Spoilt.corrupt` is True only where no correct reader could take the result for a good file: a truncated
archive, a key twice, a number that no float holds. Where it is False, taking it and refusing it are both right.
"""

from __future__ import annotations

import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

Spoil = Callable[[random.Random, bytes], "Spoilt"]


class Spoilt(NamedTuple):
    """What came of it; `number`: corrupt only for who takes none of the numbers that Python's JSON takes."""

    data: bytes
    corrupt: bool = False
    number: bool = False


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 5, 2**31, 2**63 - 1, -(2**63), 0.5, -0.0, 1e308, 5e-324, "", "x", " ", "nan"),
    *("0" * 64, "../../etc/passwd", "/dev/zero", "\u202e", "\x00", "a\nb", "[/b]", "<script>", "é" * 300, [], {}),
    *([[]], [{}], {"": {}}, {"a": 1}, [1, 2, 3], [0] * 1000, ["a", None, 1.5], [[1], [1, 2]], "9" * 400),
)
BAD_JSON = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-1e999", '"\\ud800"', "9" * 400, "01", "+1", ".5", "1.", "nul"),
    *("'x'", '"a\nb"', '{"a": 1, "a": 2}', "[" * 100_000, '{"a":' * 500, "[1,]", "{,}", "\ufeff1x", '"\\x"'),
)
PYTHONS_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e999", "9" * 400)
BAD_YAML = (
    *(
        "!!float ''",
        "9" * 400,
        ".nan",
        ".inf",
        "-.inf",
        "&a [*a, *a]",
        "[" * 5000,
        "{a: 1, a: 2}",
        "!!python/name:os.system",
    ),
    *("!!python/object/apply:os.system ['true']", "{[]: 1}", "? [[]]\n: 1", "!!binary '*'", "!!timestamp 9999-99-99"),
    *("0x" + "f" * 300, "@", "`", "%", "\t", "!!int ''", "!!set {a, b}", "- -", "*nobody"),
)
BAD_TOML = (
    "nan",
    "inf",
    "1979-13-40",
    "9" * 400,
    "[" * 2000,
    '"""',
    "{a = 1, a = 2}",
    "01",
    "=",
    "'",
    "1e400",
    "0x" + "f" * 300,
)
NUMBERS = ("1_000", "\u0661\u0662", "0x10", "1e400", "1,5", "--1", "", "1e", "infinity")
NPY_SHAPES = (
    "(2, 3",
    "(-1,)",
    f"({2**70},)",
    f"({2**40}, {2**40})",
    f"({'1, ' * 71})",
    "5",
    "(1.5,)",
    "None",
    "('a',)",
    "(True,)",
)
NPY_HEADERS = (
    *("{" * 500, "(" * 3000, "1", "[]", "__import__('os')", "{'descr': '<f4'}", "\x00", "{1: 2}", "9" * 5000),
)
NPY_DESCRS = (
    "'|O'",
    "'<f4x'",
    "('<f4', (2,))",
    "[('a', '<f4')]",
    "'<U5'",
    "'<M8[s]'",
    "'<c16'",
    "'V8'",
    "''",
    "5",
    "None",
    "'>f8'",
)


def spoil(rng: random.Random, name: str, data: bytes) -> Spoilt:
    """A file spoilt: mostly by its format, which its name tells, else byte by byte."""
    suffix = name.rpartition(".")[2] if "." in name else ""
    by_format = FORMATS.get(suffix, ())
    how = rng.choice(by_format) if by_format and rng.random() < 0.75 else rng.choice(BYTES)
    return how(rng, data)


# bytes of any kind


def flip(rng: random.Random, data: bytes) -> Spoilt:
    """One to eight bits the other way round."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8) if out else 0):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return Spoilt(bytes(out))


def truncate(rng: random.Random, data: bytes) -> Spoilt:
    """The beginning alone."""
    return Spoilt(data[: rng.randrange(len(data) + 1)])


def splice(rng: random.Random, data: bytes) -> Spoilt:
    """A stretch cut out, doubled, or moved."""
    start, end, at = (rng.randrange(len(data) + 1) for _ in range(3))
    start, end = min(start, end), min(max(start, end), min(start, end) + 512)
    rest = data[:start] + data[end:] if rng.random() < 0.5 else data
    return Spoilt(rest[:at] + data[start:end] + rest[at:] if rng.random() < 0.7 else rest)


def insert(rng: random.Random, data: bytes) -> Spoilt:
    """Numbers that are the edge of something, over what was there or between it."""
    values = (
        b"\xff" * 8,
        b"\0" * 8,
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\x7f",
        b"\x80",
        struct.pack("<d", float("nan")),
        b"\n\n",
    )
    at, value = rng.randrange(len(data) + 1), rng.choice(values)
    return Spoilt(data[:at] + value + data[at + (len(value) if rng.random() < 0.6 else 0) :])


def other(rng: random.Random, data: bytes) -> Spoilt:
    """Another kind of file altogether."""
    kinds = (
        b"",
        b"\0" * 100,
        b"PK\x05\x06" + b"\0" * 18,
        b"PK\x03\x04",
        b"\x93NUMPY",
        b"<html>",
        b"\x80\x02N.",
        b"{}",
        b"[]",
        b"RIFF",
        b"fLaC",
    )
    return Spoilt(rng.choice((*kinds, rng.randbytes(200))))


# JSON


def json_value(rng: random.Random, data: bytes) -> Spoilt:
    """One value of the document another one, or gone, or under another key."""
    document = _loaded(data)
    holder, key = _place(rng, document)
    if holder is None:
        return Spoilt(json.dumps(rng.choice(ODD)).encode())
    choice = rng.random()
    if choice < 0.2:
        del holder[key]
    elif choice < 0.3 and isinstance(holder, dict):
        holder[str(rng.choice(("", "x", key + "x", "\x00")))] = holder.pop(key)
    else:
        holder[key] = rng.choice(ODD)
    return Spoilt(json.dumps(document).encode("utf-8", "surrogatepass"))


def json_number(rng: random.Random, data: bytes) -> Spoilt:
    """A number of the document another number."""
    found = list(re.finditer(rb"(?<=[\[:, ])-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?(?=[,\]}\s])", data))
    if not found:
        return json_value(rng, data)
    match = rng.choice(found)
    value = rng.choice((b"-1", b"0", b"1e308", b"0.5", b"9223372036854775807", b"-0.0", b"3", b"1e-300"))
    return Spoilt(data[: match.start()] + value + data[match.end() :])


def json_syntax(rng: random.Random, data: bytes) -> Spoilt:
    """A value that no JSON document may hold."""
    document = _loaded(data)
    holder, key = _place(rng, document)
    if holder is None:
        document = holder = [None]
        key = 0
    holder[key] = "\x01here\x01"
    text, bad = json.dumps(document), rng.choice(BAD_JSON)
    return Spoilt(text.replace(json.dumps("\x01here\x01"), bad).encode("utf-8"), True, bad in PYTHONS_NUMBERS)


def json_twice(rng: random.Random, data: bytes) -> Spoilt:
    """A key twice, the second time with another value."""
    document = _loaded(data)
    if not isinstance(document, dict) or not document:
        return json_syntax(rng, data)
    key = rng.choice(list(document))
    return Spoilt((json.dumps(document)[:-1] + f", {json.dumps(key)}: {json.dumps(rng.choice(ODD))}}}").encode(), True)


def json_cut(rng: random.Random, data: bytes) -> Spoilt:
    """The document broken off, or something after its end."""
    whole = data.rstrip()
    if not whole.startswith((b"{", b"[")):
        return truncate(rng, data)
    return Spoilt(
        whole[: rng.randrange(len(whole))] if rng.random() < 0.7 else whole + rng.choice((b"x", b"{}", b",")), True
    )


def _loaded(data: bytes) -> Any:
    return json.loads(data)


def _place(rng: random.Random, document: Any) -> tuple[Any, Any]:
    holder, key, value = None, None, document
    while isinstance(value, (dict, list)) and value:
        holder, key = value, rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value = holder[key]
        if rng.random() < 0.3:
            break
    return holder, key


# YAML, TOML, RTTM and CSV: text in lines


def yaml_value(rng: random.Random, data: bytes) -> Spoilt:
    """A value of a line of YAML another one."""
    return _line_value(rng, data, ": ", [*BAD_YAML, "[]", "{}", "~", "'x'", "true", "-1", "1e300", "1e7"])


def toml_value(rng: random.Random, data: bytes) -> Spoilt:
    """A value of a line of TOML another one."""
    return _line_value(
        rng, data, " = ", [*BAD_TOML, "[]", "{}", "'x'", "true", "-1", "1e300", "1979-05-27", "[1, 'a']", '""']
    )


def _line_value(rng: random.Random, data: bytes, between: str, values: list[str]) -> Spoilt:
    lines = data.decode("utf-8").splitlines()
    with_value = [number for number, line in enumerate(lines) if between in line]
    if not with_value:
        return other(rng, data)
    number = rng.choice(with_value)
    lines[number] = lines[number].partition(between)[0] + between + rng.choice(values)
    return Spoilt("\n".join(lines).encode("utf-8") + b"\n")


def lines(rng: random.Random, data: bytes) -> Spoilt:
    """A line gone, doubled, or in another place."""
    rows = data.split(b"\n")
    row = rows.pop(rng.randrange(len(rows)))
    for _ in range(rng.randrange(3)):
        rows.insert(rng.randrange(len(rows) + 1), row)
    return Spoilt(b"\n".join(rows))


def rttm_number(rng: random.Random, data: bytes) -> Spoilt:
    """A time that is no number of seconds."""
    return _rttm_field(rng, data, rng.choice((3, 4)), rng.choice(("nan", "inf", "-inf", "-1.0", *NUMBERS)), True)


def rttm_field(rng: random.Random, data: bytes) -> Spoilt:
    """A field another one, or too few fields."""
    return _rttm_field(
        rng, data, rng.randrange(10), rng.choice(("", "x", "SPKR-INFO", "\x1b[31m", "é", "<b>", "1e5", "2")), False
    )


def _rttm_field(rng: random.Random, data: bytes, place: int, value: str, corrupt: bool) -> Spoilt:
    rows = data.decode("utf-8").splitlines()
    turns = [number for number, row in enumerate(rows) if row.startswith("SPEAKER") and len(row.split()) > place]
    if not turns:
        return other(rng, data)
    number = rng.choice(turns)
    fields = rows[number].split()
    fields[place] = value
    rows[number] = " ".join(fields)
    return Spoilt("\n".join(rows).encode("utf-8") + b"\n", corrupt)


# arrays


def npy_header(rng: random.Random, data: bytes) -> Spoilt:
    """A header that declares something else."""
    header, body = _npy_parts(data)
    choice = rng.random()
    if choice < 0.4:
        text = re.sub(r"'shape': \([^)]*\)", f"'shape': {rng.choice(NPY_SHAPES)}", header)
    elif choice < 0.7:
        text = re.sub(r"'descr': '[^']*'", f"'descr': {rng.choice(NPY_DESCRS)}", header)
    elif choice < 0.8:
        text = header.replace("False", rng.choice(("True", "5", "None", "'x'", "False or")))
    elif choice < 0.9:
        text = header[: rng.randrange(len(header) + 1)]
    else:
        text = rng.choice(
            ("{" * 500, "(" * 3000, "1", "[]", "__import__('os')", "{'descr': '<f4'}", "\x00", "{1: 2}", "9" * 5000)
        )
    return Spoilt(_npy(text, body, rng.choice(((1, 0), (1, 0), (2, 0), (3, 0), (9, 9)))))


def npy_length(rng: random.Random, data: bytes) -> Spoilt:
    """Fewer numbers than the header declares, or more."""
    header, body = _npy_parts(data)
    if body and rng.random() < 0.6:
        return Spoilt(_npy(header, body[: rng.randrange(len(body))]), True)
    return Spoilt(_npy(header, body + rng.randbytes(rng.randint(1, 64))), True)


def npy_values(rng: random.Random, data: bytes) -> Spoilt:
    """Values that are none, or the largest there are."""
    header, body = _npy_parts(data)
    size = {"8": 8, "4": 4, "2": 2, "1": 1}.get(
        re.sub(r".*'descr': '[<>|][a-z]([0-9]).*", r"\1", header, flags=re.S), 1
    )
    count = len(body) // size
    if not count:
        return flip(rng, data)
    value = rng.choice(
        (b"\xff" * size, b"\0" * size, b"\0" * (size - 1) + b"\x80", (b"\0\0\0\0\0\0\xf8\x7f")[-size:], b"\x7f" * size)
    )
    out = bytearray(body)
    for at in range(count) if rng.random() < 0.3 else [rng.randrange(count) for _ in range(rng.randint(1, 4))]:
        out[at * size : (at + 1) * size] = value
    return Spoilt(_npy(header, bytes(out)))


def _npy_parts(data: bytes) -> tuple[str, bytes]:
    if data[:6] != b"\x93NUMPY":
        return "{}", data
    length = int.from_bytes(data[8:10], "little")
    return data[10 : 10 + length].decode("latin1"), data[10 + length :]


def _npy(header: str, body: bytes, version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin1", "replace")[:65000]
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text + body


# archives


def npz_member(rng: random.Random, data: bytes) -> Spoilt:
    """A member spoilt as `.npy`, packed again so that its checksum holds."""
    how = rng.choice((npy_header, npy_length, npy_values, npy_values, flip))
    members = _members(data)
    if not members:
        return other(rng, data)
    name = rng.choice(list(members))
    spoilt = how(rng, members[name])
    return Spoilt(_zip({**members, name: spoilt.data}), spoilt.corrupt)


def npz_names(rng: random.Random, data: bytes) -> Spoilt:
    """A member gone, renamed, doubled, or one that is no array."""
    members = _members(data)
    if not members:
        return other(rng, data)
    name = rng.choice(list(members))
    choice = rng.random()
    if choice < 0.3:
        del members[name]
    elif choice < 0.6:
        members[rng.choice(("x.npy", "../x.npy", "/x.npy", ".npy", "a/b.npy", "\u202e.npy"))] = members.pop(name)
    elif choice < 0.8:
        return Spoilt(_zip(members, twice=name), True)
    else:
        members["evil.pkl"] = b"cos\nsystem\n(S'true'\ntR."
        return Spoilt(_zip(members), True)
    return Spoilt(_zip(members))


def zip_field(rng: random.Random, data: bytes) -> Spoilt:
    """Fields of the archive's own: checksum, method, flags, version, sizes."""
    out = bytearray(data)
    at = data.find(b"PK\x01\x02")
    if at < 0:
        return other(rng, data)
    kind = rng.choice(("crc", "method", "encrypted", "version", "size", "comment"))
    if kind == "crc":
        out[at + 16 : at + 20] = struct.pack("<I", rng.getrandbits(32) ^ 1)
        return Spoilt(bytes(out), bytes(out) != data)
    if kind == "method":
        out[at + 10 : at + 12] = struct.pack("<H", rng.choice((1, 9, 12, 14, 93, 99, 255)))
        return Spoilt(bytes(out), True)
    if kind == "encrypted":
        out[at + 8] |= 1
        return Spoilt(bytes(out), True)
    if kind == "version":
        out[at + 6 : at + 8] = struct.pack("<H", 255)
    elif kind == "size":
        out[at + 24 : at + 28] = struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 2)))
    else:
        out[-2:] = b"\xff\xff"
    return Spoilt(bytes(out))


def zip_cut(rng: random.Random, data: bytes) -> Spoilt:
    """An archive whose end is missing."""
    return Spoilt(data[: rng.randrange(max(1, len(data) - 22))], True)


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(members: dict[str, bytes], twice: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
        if twice is not None:
            info = zipfile.ZipInfo(twice)
            archive.infolist()  # zipfile warns of a name twice; written under another, renamed below
            info.filename = "\x01" * len(twice)
            archive.writestr(info, members[twice])
    data = buffer.getvalue()
    return data if twice is None else data.replace(b"\x01" * len(twice), twice.encode())


def safetensors_header(rng: random.Random, data: bytes) -> Spoilt:
    """A header that declares something else, its length right."""
    length = int.from_bytes(data[:8], "little")
    spoilt = rng.choice((json_value, json_number, json_syntax))(rng, data[8 : 8 + length])
    return Spoilt(struct.pack("<Q", len(spoilt.data)) + spoilt.data + data[8 + length :], spoilt.corrupt, spoilt.number)


def safetensors_cut(rng: random.Random, data: bytes) -> Spoilt:
    """Fewer bytes than the header declares."""
    return Spoilt(data[: rng.randrange(len(data))], True)


# checkpoints


def pickle_bytes(rng: random.Random, data: bytes) -> Spoilt:
    """The pickle of a checkpoint spoilt, packed again."""
    members = _members(data)
    name = next(name for name in members if name.endswith("data.pkl"))
    spoilt = rng.choice((flip, splice, truncate, insert))(rng, members[name])
    return Spoilt(_stored({**members, name: spoilt.data}))


def pickle_call(rng: random.Random, data: bytes) -> Spoilt:
    """A call put before everything, its result thrown away: the weights are good, the file is hostile."""
    members = _members(data)
    name = next(name for name in members if name.endswith("data.pkl"))
    calls = (
        b"cos\nsystem\n",
        b"cposix\nsystem\n",
        b"cbuiltins\neval\n",
        b"cfunctools\npartial\n",
        b"ctorch.hub\nload\n",
        b"csubprocess\nPopen\n",
    )
    call = rng.choice(calls) + b"X\x04\x00\x00\x00true\x85R0"
    return Spoilt(_stored({**members, name: members[name][:2] + call + members[name][2:]}), True)


def _stored(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


# audio


def wav_header(rng: random.Random, data: bytes) -> Spoilt:
    """A field of the header another number."""
    out = bytearray(data)
    at, size = rng.choice(((4, 4), (16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2), (40, 4)))
    value = rng.choice((0, 1, 2, 3, 255, 0x7FFF, 0xFFFF, 0xFFFE, 2**31, 2**32 - 1))
    out[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    return Spoilt(bytes(out))


def wav_cut(rng: random.Random, data: bytes) -> Spoilt:
    """Fewer samples than the header declares."""
    return Spoilt(data[: rng.randrange(min(44, len(data)), len(data))], True) if len(data) > 44 else flip(rng, data)


BYTES: tuple[Spoil, ...] = (flip, flip, truncate, splice, insert, other)
JSON: tuple[Spoil, ...] = (json_value, json_value, json_value, json_number, json_syntax, json_twice, json_cut)
FORMATS: dict[str, tuple[Spoil, ...]] = {
    "json": JSON,
    "yaml": (yaml_value, yaml_value, lines),
    "toml": (toml_value, toml_value, lines),
    "rttm": (rttm_number, rttm_field, lines),
    "csv": (lines, insert),
    "npy": (npy_header, npy_header, npy_length, npy_values),
    "npz": (npz_member, npz_member, npz_names, zip_field, zip_cut),
    "safetensors": (safetensors_header, safetensors_header, safetensors_cut),
    "bin": (pickle_bytes, pickle_bytes, pickle_call, zip_field),
    "wav": (wav_header, wav_header, wav_cut),
}
