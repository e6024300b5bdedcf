"""What a function says when it refuses its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from parity.errors import InputError


def refusal(call: Callable[..., Any], *arguments: object, **keywords: object) -> str:
    """The one line of the `InputError` that a call raises."""
    with pytest.raises(InputError) as caught:
        call(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    return str(caught.value)
