"""Does my port still hear what pyannote hears? As an assertion, for ports with Python bindings.

`assert_parity` judges what a port left of one recording as `parity compare` does; `plugin` gives pytest a fixture that
makes the folder and brings the clip.
"""

from __future__ import annotations

from parity.testing.dumps import PortDump, assert_parity

__all__ = ["PortDump", "assert_parity"]
