"""Checkpoints as `torch.save` writes them, read without torch and without executing anything they hold.

The format (torch 1.6 and later) is a zip of uncompressed members: `<folder>/data.pkl`, a pickle in which each
tensor is a call of `torch._utils._rebuild_tensor_v2` on a storage named by a persistent id, and
`<folder>/data/<key>`, the bytes of each storage. `torch_pickle` runs the pickle on a machine that cannot act,
`torch_tensors` makes the arrays; here are the zip and what one asks of weights: names, finite values, hashes.

Conventions: arrays are little-endian, C-contiguous and own their data; bfloat16, which numpy lacks, is
widened to float32 (exactly); `torch.Size` becomes a tuple, `TorchVersion` a str; a parameter is its tensor.
An `OrderedDict` keeps the `_metadata` that modules read, and no other attribute.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.errors import InputError
from parity.files.documents import read_bytes
from parity.files.whole import sha256_bytes
from parity.networks.pickled_calls import unknown_calls
from parity.networks.torch_pickle import DAMAGE, Global, Machine, Reduced, words
from parity.networks.torch_tensors import RefusedError, short

__all__ = [
    "Checkpoint",
    "Global",
    "Reduced",
    "check_finite",
    "combined_hash",
    "read_checkpoint",
    "tensor_hashes",
]

MAX_BYTES = 8 << 30  # of the file, and of all its members expanded: far above any model of this pipeline
MAX_PICKLE = 64 << 20  # torch keeps tensors out of the pickle: real ones are kilobytes
MAX_RATIO = 200  # torch stores members uncompressed; deflate itself stops near 1030

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # a pickled number that torch opens such files with
# What a file that is no zip starts with (offset, bytes), and what it then is.
FOREIGN = (
    (0, b"PK", "starts like a zip but has no directory at its end: truncated"),
    (0, LEGACY, "is in torch's legacy format (before 1.6): load it with torch and save it again"),
    (257, b"ustar", "is in torch's oldest format, a tar: load and save it again with torch"),
    (0, b"\x80", "is a bare pickle, perhaps torch's legacy format: load and save it again with torch"),
    (0, b"version https://git-lfs", "is a Git LFS pointer, not the file it points to"),
    (0, b"<", "is a web page or XML: the download was answered with an error or a login"),
    (0, b"\x1f\x8b", "is gzip: unpack it first"),
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Parameters
    ----------
    path : where it was read
    tree : the whole pickled object; tensors as arrays, what is not known as `Global` and `Reduced`
    tensors : every tensor rebuilt, in the file's order
    sha256 : of the file
    named : what loading it elsewhere would import, and call if told to; nothing here did
    """

    path: Path
    tree: object
    tensors: tuple[np.ndarray, ...]
    sha256: str
    named: tuple[Global, ...] = ()

    @property
    def state_dict(self) -> dict[str, np.ndarray]:
        """The weights by name: `tree["state_dict"]` (Lightning), or the tree itself if it is such a mapping.

        Raises
        ------
        InputError : neither is a mapping of names to tensors, and nothing else; or it names what torch would import
            or call beside them and what no checkpoint of weights needs
        """
        self._check_names()
        tree = self.tree if isinstance(self.tree, dict) else {}
        found = tree.get("state_dict")
        weights = found if isinstance(found, dict) else tree
        if not weights:
            said = "is empty" if isinstance(self.tree, dict) else f"is a {type(self.tree).__name__}"
            raise InputError(f"{self.path}: its content {said}, not a mapping of names to tensors: no weights here")
        for name, value in weights.items():
            if not (isinstance(name, str) and isinstance(value, np.ndarray)):
                raise InputError(
                    f"{self.path}: its state dict has {short(name)}, a {type(value).__name__}; wants tensors "
                    'by name only, at the top or under "state_dict": was a whole model or an optimiser saved?'
                )
        return dict(weights)

    def _check_names(self) -> None:
        # Harmless here, whatever it names. But good weights beside a bad call are a bait, and torch would take it.
        if unknown := unknown_calls(self.named):
            raise InputError(
                f"{self.path}: would import or call {', '.join(map(short, unknown[:3]))} where torch loads it: "
                "hostile, or more than weights; nothing of it ran here. Save its state dict alone"
            )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; nothing it holds is executed.

    Parameters
    ----------
    path : a file that `torch.save` (1.6 or later) or `checkpoint_writer` wrote

    Raises
    ------
    InputError : it is missing, damaged, hostile, of another format, or past a limit of this module
    """
    try:
        if not path.is_file():
            raise RefusedError("is a folder or device, not a file" if path.exists() else "no such file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise RefusedError(f"has {size} bytes, over the limit of {MAX_BYTES}: not a checkpoint of these models")
        data = read_bytes(path, MAX_BYTES)
        archive = _Archive(data)
        machine = Machine(archive)
        tree = machine.run(archive.read("data.pkl"))
        return Checkpoint(path, tree, tuple(machine.tensors.made), sha256_bytes(data), tuple(machine.named))
    except RefusedError as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except DAMAGE as error:
        raise InputError(f"{path}: a damaged or truncated checkpoint: {words(error)}") from error


def check_finite(state_dict: Mapping[str, np.ndarray], path: Path) -> None:
    """Refuse weights with NaN or infinite values.

    Raises
    ------
    InputError : names the first such tensor, and how many values and tensors are not finite
    """
    inexact = {name: array for name, array in state_dict.items() if array.dtype.kind in "fc"}
    counts = {name: array.size - int(np.isfinite(array).sum()) for name, array in inexact.items()}
    if bad := [name for name, count in counts.items() if count]:
        raise InputError(
            f"{path}: tensor {short(bad[0])} has {counts[bad[0]]} of {inexact[bad[0]].size} values NaN or "
            f"infinite, as have {len(bad)} of {len(state_dict)} tensors, 0 allowed: damaged, or diverged"
        )


def tensor_hashes(state_dict: Mapping[str, np.ndarray]) -> dict[str, str]:
    """The SHA-256 of each tensor's dtype, shape and values: the same in whatever file it is held.

    Hashed are `f"{dtype.str}{shape}"` (as `<f4(60, 80)`) and the little-endian bytes in C order.
    """
    hashes = {}
    for name, array in state_dict.items():
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        hashes[name] = sha256_bytes(f"{little.dtype.str}{little.shape}".encode() + little.tobytes())
    return hashes


def combined_hash(hashes: Mapping[str, str]) -> str:
    """One SHA-256 for a whole state dict: over the lines `name:hash`, sorted, each ended by a newline."""
    digest = hashlib.sha256()
    for name in sorted(hashes):
        digest.update(f"{name}:{hashes[name]}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


class _Archive:
    """The zip: its members' declared sizes are checked before any is read."""

    def __init__(self, data: bytes) -> None:
        if not zipfile.is_zipfile(io.BytesIO(data)):
            known = (said for at, magic, said in FOREIGN if data[at : at + len(magic)] == magic)
            unknown = "is not a zip, so not a torch.save checkpoint" if data else "is empty: a broken download?"
            raise RefusedError(f"{next(known, unknown)} ({len(data)} bytes)")
        self.size = len(data)
        self.zip = zipfile.ZipFile(io.BytesIO(data))
        self.members = {info.filename: info for info in self.zip.infolist()}
        self._check_members()
        tops = [top for top, _, rest in (name.partition("/") for name in self.members) if rest == "data.pkl"]
        if len(tops) != 1:
            raise RefusedError(f"has {len(tops)} members <folder>/data.pkl, wants 1: a zip, but not from torch.save")
        self.top = tops[0]
        order = self.read("byteorder").strip() if self.has("byteorder") else b"little"
        if order != b"little":
            raise RefusedError(
                f"byte order is {short(order)}, wants 'little': save it again on a little-endian machine"
            )

    def _check_members(self) -> None:
        infos = self.zip.infolist()
        if len(infos) != len(self.members):
            raise RefusedError(f"{len(infos)} members but {len(self.members)} names: one appears twice")
        for info in infos:
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise RefusedError(f"member {short(info.filename)} uses compression {info.compress_type}; torch stores")
            ratio = 1 if info.compress_type == zipfile.ZIP_STORED else MAX_RATIO
            if info.file_size > min(MAX_BYTES, ratio * info.compress_size):
                raise RefusedError(
                    f"member {short(info.filename)} expands from {info.compress_size} to {info.file_size} "
                    f"bytes, over the limits of {ratio} times and {MAX_BYTES} bytes: a zip bomb?"
                )
        packed, expanded = sum(info.compress_size for info in infos), sum(info.file_size for info in infos)
        if packed > self.size or expanded > MAX_BYTES:
            raise RefusedError(f"members claim {packed} bytes of {self.size} and expand to {expanded}: a zip bomb?")

    def has(self, name: str) -> bool:
        return f"{self.top}/{name}" in self.members

    def bytes_of(self, name: str) -> int:
        return self.members[f"{self.top}/{name}"].file_size

    def read(self, name: str) -> bytes:
        if name == "data.pkl" and self.bytes_of(name) > MAX_PICKLE:
            raise RefusedError(f"data.pkl has {self.bytes_of(name)} bytes, over the limit of {MAX_PICKLE}")
        return self.zip.read(f"{self.top}/{name}")
