"""The one place that knows numba: loops compiled to machine code, kept on disk for the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Return the function compiled for this processor; it may use arrays and numbers only."""
    return cast("F", numba.njit(cache=True, nogil=True)(function))
