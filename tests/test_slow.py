"""The list of tests that the quick suite leaves out names tests that there are."""

from __future__ import annotations

import re

from support import ROOT


def test_every_test_that_quick_leaves_out_exists_and_is_named_once():
    names = (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").split()
    assert names == sorted(set(names)) and names
    for name in names:
        path, function = name.split("::")
        assert re.search(rf"^def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name
