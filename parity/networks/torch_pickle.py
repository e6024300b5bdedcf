"""The pickle inside a `torch.save` checkpoint, run by a machine that cannot act.

A pickle is a program for a stack machine. This is that machine with all that could act left out: it imports
nothing, looks nothing up and calls nothing the pickle names. Tensors become numpy arrays, the few values
torch wraps become plain ones, and every other global, object or call becomes an inert record of itself
(`Global`, `Reduced`).

Known are the opcodes that `torch.save` writes with its protocol 2, and their short forms of protocol 4; any
other is refused, its argument unread. Conventions on values: see `checkpoint`.
"""

from __future__ import annotations

import io
import pickletools
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.networks.torch_tensors import Members, RefusedError, Tensors

MAX_OPCODES = 2_000_000  # some 30 per tensor; at a microsecond or two each, a hostile pickle costs seconds
MAX_KEY = 16  # parts of a tuple that is a key: they are hashed again at every use
# What numpy, zipfile and pickletools raise over broken input; RefusedError is raised where more is known.
DAMAGE: tuple[type[Exception], ...] = (
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    EOFError,
)
DAMAGE += (struct.error, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class Global:
    """A class or function a pickle names; never looked up."""

    module: str
    name: str


@dataclass(eq=False, repr=False)
class Reduced:
    """An object a pickle would have made by calling something; never called.

    Two are equal only if they are the same object: what they hold may be cyclic.

    Parameters
    ----------
    callable : what would have been called
    args : with what
    state : what `__setstate__` or `__dict__` would have received, None without
    new : whether `callable.__new__(callable, *args)` was meant instead of `callable(*args)`
    items : (key, value) pairs that would have been set
    elements : what would have been appended
    """

    callable: Global | Reduced
    args: tuple[Any, ...]
    state: object = None
    new: bool = False
    items: list[tuple[object, object]] = field(default_factory=list)
    elements: list[object] = field(default_factory=list)

    def __repr__(self) -> str:
        # Shallow: a few shared tuples can print as terabytes.
        name = f"{self.callable.module}.{self.callable.name}" if isinstance(self.callable, Global) else "..."
        return f"Reduced({name}, {len(self.args)} args)"


class Machine:
    """Values, marks and a memo, and no way to call anything."""

    def __init__(self, members: Members) -> None:
        self.tensors = Tensors(members)
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each open mark
        self.memo: dict[int, object] = {}
        self.named: dict[Global, None] = {}  # a set in the file's order

    def run(self, program: bytes) -> object:
        """What the pickle would have made.

        Raises
        ------
        RefusedError : it is damaged, past a limit, or uses an opcode `torch.save` does not
        """
        stream = io.BytesIO(program)
        for _ in range(MAX_OPCODES):
            at, code = stream.tell(), stream.read(1)
            if (opcode := OPCODES.get(code)) is None:
                said = f"has opcode {code!r} at byte {at}, which torch.save never writes" if code else "has no end"
                raise RefusedError(f"data.pkl {said}: damaged, or not made by torch")
            try:
                if opcode.name == "STOP":
                    (tree,) = self.stack
                    return tree
                self._step(opcode, stream)
            except DAMAGE as error:
                raise RefusedError(f"data.pkl is damaged at byte {at}, {opcode.name}: {words(error)}") from error
        raise RefusedError(f"data.pkl has over {MAX_OPCODES} opcodes, the limit: not a checkpoint of these models")

    def _step(self, opcode: pickletools.OpcodeInfo, stream: io.BytesIO) -> None:
        if opcode.name == "GLOBAL":  # pickletools would undo escapes that pickle does not have
            self._name(*(stream.readline().removesuffix(b"\n").decode() for _ in range(2)))
            return
        argument = opcode.arg.reader(stream) if opcode.arg else None
        if opcode.name in PUSHED:
            self.stack.append(argument)
        elif opcode.name in FRESH:
            self.stack.append(FRESH[opcode.name]())
        else:
            HANDLERS[opcode.name](self, argument)

    def _mark(self, _: None) -> None:
        self.below.append(self.stack)
        self.stack = []

    def _since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.below.pop()
        return values

    def _popped(self, count: int) -> list[Any]:
        return [self.stack.pop() for _ in range(count)][::-1]

    def _put(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def _tuple(self, values: list[Any]) -> None:
        self.stack.append(tuple(values))

    def _append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, (list, Reduced)):
            raise TypeError(f"appends to a {type(target).__name__}")
        (target if isinstance(target, list) else target.elements).extend(values)

    def _set(self, values: list[Any]) -> None:
        target = self.stack[-1]
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if isinstance(target, Reduced):
            target.items.extend(pairs)
        elif isinstance(target, dict):
            for key, _ in pairs:
                _check_key(key)
            target.update(pairs)
        else:
            raise TypeError(f"sets items of a {type(target).__name__}")

    def _build(self, _: None) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Reduced):
            target.state = state
        elif isinstance(target, OrderedDict):
            if isinstance(state, dict) and "_metadata" in state:
                target.__dict__["_metadata"] = state["_metadata"]  # any other could hide a method
        else:
            raise TypeError(f"gives a {type(target).__name__} a state")

    def _global(self, _: None) -> None:
        module, name = self._popped(2)
        if not (isinstance(name, str) and isinstance(module, str)):
            raise TypeError("a global is named by something else than two strings")
        self._name(module, name)

    def _name(self, module: str, name: str) -> None:
        found = Global(module, name)
        self.named[found] = None
        self.stack.append(found)

    def _persistent(self, _: None) -> None:
        match self.stack.pop():
            case (
                "storage",
                Global("torch" | "torch.cuda" | "torch.storage", kind),
                str(key),
                str(),
                int(numel),
            ):
                self.stack.append(self.tensors.storage(kind, key, numel))
            case _:
                raise RefusedError("data.pkl has a persistent id other than ('storage', type, key, location, numel)")

    def _reduce(self, new: bool) -> None:
        function, args = self._popped(2)
        if not (isinstance(function, (Global, Reduced)) and isinstance(args, tuple)):
            raise TypeError(f"calls a {type(function).__name__} with a {type(args).__name__}")
        known = self._known(function, args)
        self.stack.append(Reduced(function, args, new=new) if known is None else known)

    def _known(self, function: Global | Reduced, args: tuple[Any, ...]) -> object:
        match function, args:
            case Global("collections", "OrderedDict"), ():
                return OrderedDict()
            case Global("torch", "Size"), (tuple(size),):
                return size
            case Global("torch.torch_version", "TorchVersion"), (str(version),):
                return version
            case Global("_codecs", "encode"), (str(text), str(codec)) if codec == "latin1":  # protocol 2's bytes
                self.tensors.spend(len(text))
                return text.encode("latin1")
            case Global("torch._tensor", "_rebuild_from_type_v2"), (Global() as inner, _, tuple(rest), _):
                return self._known(inner, rest)  # nn.Buffer and tensors with attributes
            case Global("torch._utils", name), _:
                return self._rebuilt(name, args)
        return None

    def _rebuilt(self, name: str, args: tuple[Any, ...]) -> np.ndarray | None:
        match name, args:
            case "_rebuild_tensor" | "_rebuild_tensor_v2", (storage, offset, size, stride, *rest):
                return self.tensors.rebuild(storage, offset, size, stride, rest[2:])
            case "_rebuild_tensor_v3", (storage, offset, size, stride, _, _, Global("torch", dtype), *rest):
                return self.tensors.rebuild(storage, offset, size, stride, rest, dtype)
            case "_rebuild_parameter" | "_rebuild_parameter_with_state", (np.ndarray() as data, *_):
                return data
        return None


def _check_key(key: object) -> None:
    # Hashing and comparing nested tuples can take for ever.
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) > MAX_KEY or not all(isinstance(part, KEYS) for part in parts):
        raise TypeError(f"a {type(key).__name__} is a key, wants a plain value or up to {MAX_KEY} of them")


def words(error: BaseException) -> str:
    """An exception in one bounded line."""
    text = " ".join(str(error)[:300].split())
    return f"{type(error).__name__}: {text[:150]}" if text else type(error).__name__


KEYS = (str, int, float, bytes, type(None), Global, Reduced)
FRESH: dict[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
PUSHED = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"),
}
HANDLERS: dict[str, Callable[[Machine, Any], object]] = {
    "PROTO": lambda machine, version: None,
    "FRAME": lambda machine, length: None,
    "MARK": Machine._mark,
    "POP": lambda machine, _: machine._popped(1),
    "MEMOIZE": Machine._put,
    "BINPUT": Machine._put,
    "LONG_BINPUT": Machine._put,
    "BINGET": Machine._get,
    "LONG_BINGET": Machine._get,
    "TUPLE": lambda machine, _: machine._tuple(machine._since_mark()),
    "TUPLE1": lambda machine, _: machine._tuple(machine._popped(1)),
    "TUPLE2": lambda machine, _: machine._tuple(machine._popped(2)),
    "TUPLE3": lambda machine, _: machine._tuple(machine._popped(3)),
    "APPEND": lambda machine, _: machine._append(machine._popped(1)),
    "APPENDS": lambda machine, _: machine._append(machine._since_mark()),
    "SETITEM": lambda machine, _: machine._set(machine._popped(2)),
    "SETITEMS": lambda machine, _: machine._set(machine._since_mark()),
    "BUILD": Machine._build,
    "STACK_GLOBAL": Machine._global,
    "REDUCE": lambda machine, _: machine._reduce(False),
    "NEWOBJ": lambda machine, _: machine._reduce(True),
    "BINPERSID": Machine._persistent,
}
OPCODES = {
    opcode.code.encode("latin1"): opcode
    for opcode in pickletools.opcodes
    if opcode.name in {*FRESH, *PUSHED, *HANDLERS, "GLOBAL", "STOP"}
}
