"""What is under test: whose code, or whose arrays?

`python` puts somebody's functions in place of stages; `arrays` puts arrays on disk there; `dump` reads what a port left
on disk, checks it, and compares it with the reference's; `kit` writes what a porter needs for one fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import handed_on

if TYPE_CHECKING:
    from parity.ports.arrays import read_arrays, with_arrays
    from parity.ports.kit import write_kit
    from parity.ports.python import Implementation, load_implementation
else:
    __getattr__ = handed_on(
        __name__,
        {
            "Implementation": "parity.ports.python",
            "load_implementation": "parity.ports.python",
            "read_arrays": "parity.ports.arrays",
            "with_arrays": "parity.ports.arrays",
            "write_kit": "parity.ports.kit",
        },
    )

__all__ = [
    "Implementation",
    "load_implementation",
    "read_arrays",
    "with_arrays",
    "write_kit",
]
