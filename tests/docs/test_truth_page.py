"""`docs/measured/truth.md` has what was measured."""

from __future__ import annotations

import importlib.util

from support import ROOT


def test_the_page_has_the_measured_tables() -> None:
    spec = importlib.util.spec_from_file_location("make_truth", ROOT / "docs" / "make_truth.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()
