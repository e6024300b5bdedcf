"""Measurements that stay true of a snapshot captured again.

Noise, stability, layers and truth lie beside a snapshot and name it by its manifest's hash. A new capture has another
manifest: other seconds, and arrays that the old one lacked. Where everything that the old one held came out the same to
the bit, a measurement against it is one against the new one, and is kept under the new one's hash.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from parity.files.whole import writing_file
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.snapshot import LAYERS, NOISE, STABILITY, TRUTH, TRUTH_ARRAYS
from parity.layers.file import read_manifest_and_arrays


def read_all(folder: Path) -> dict[str, bytes]:
    """What lies beside a snapshot: name -> contents."""
    names = (NOISE, STABILITY, LAYERS, TRUTH_ARRAYS, TRUTH)
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def keep(folder: Path, files: dict[str, bytes], old: str) -> None:
    """Write measurements beside a snapshot that is the same again.

    Parameters
    ----------
    folder : the new snapshot's
    files : of `read_all`, before it was replaced
    old : the hash of the manifest that was there
    """
    new = snapshot_sha256(folder)
    for name, data in files.items():
        with writing_file(folder / name) as temporary:
            if name != LAYERS:
                temporary.write_bytes(data.replace(old.encode(), new.encode()))
                continue
            temporary.write_bytes(data)
            manifest, held = read_manifest_and_arrays(temporary)
            arrays: dict[str, Any] = dict(held)
            text = json.dumps({**manifest, "snapshot_sha256": new}, ensure_ascii=False)
            with temporary.open("wb") as file:
                np.savez_compressed(file, manifest=np.array(text), **arrays)
