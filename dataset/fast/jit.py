"""The one place that knows numba: loops compiled to machine code, kept on disk for the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Return the function compiled for this processor; it may use arrays and numbers only."""
    try:
        return cast("F", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no folder to keep it in that may be written: compile it each time
        return cast("F", numba.njit(nogil=True)(function))


@intrinsic
def _load(typing: Any, array: Any, at: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_place(context, builder, signature, given), align=1)

    return numba.types.uint64(array, at), code


@intrinsic
def _store(typing: Any, array: Any, at: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        builder.store(given[2], _place(context, builder, signature, given), align=1)
        return context.get_dummy_value()

    return numba.types.void(array, at, numba.types.uint64), code


@intrinsic
def _zeros(typing: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 1))

    return numba.types.int64(numba.types.uint64), code


def _place(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    """Return a pointer to eight bytes of an array of bytes, wherever they begin."""
    array = context.make_array(signature.args[0])(context, builder, given[0])
    return builder.bitcast(builder.gep(array.data, [given[1]]), ir.IntType(64).as_pointer())


eight = cast("Callable[[NDArray[np.uint8], int], np.uint64]", _load)
"""Return the eight bytes of an array from a place on as one number, the first one lowest; they must
be there, for nobody looks."""
put_eight = cast("Callable[[NDArray[np.uint8], int, np.uint64], None]", _store)
"""Write eight bytes to an array from a place on; there must be room, for nobody looks."""
low_zeros = cast("Callable[[np.uint64], int]", _zeros)
"""Return how many bits below the lowest that is set are not; one must be set."""
