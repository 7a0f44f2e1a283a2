"""The one place that knows numba: loops compiled to machine code, kept on disk for the next run.

numba keeps a loop until the file that it stands in changes, and does not ask whether what the loop
calls, or a table that it was built with, has changed in another file. So what is kept lies in a
folder named by the digest of all that the loops are made of. It lies beside the code, because who
can write there decides what the gates do; where nobody may, loops are compiled anew each time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., object])
U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
B1 = NDArray[np.bool_]
_HERE = Path(__file__).parent


def kernel(function: F) -> F:
    """Return the function compiled for this processor; it may use arrays and numbers only."""
    folder = _folder()
    if not folder:  # nowhere to keep it: compile it each time
        return cast("F", numba.njit(nogil=True)(function))
    settings: Any = numba.config
    before, settings.CACHE_DIR = settings.CACHE_DIR, folder
    try:
        return cast("F", numba.njit(cache=True, nogil=True)(function))
    finally:
        settings.CACHE_DIR = before


@cache
def _folder() -> str:
    """Return the folder in which these loops are kept, made where it is not there; empty where it
    cannot be written."""
    digest = hashlib.sha256(np.__version__.encode())  # tables are drawn by its generator
    for path in (*sorted(_HERE.glob("*.py")), _HERE.parent.parent / "kept" / "sketch.py"):
        digest.update(path.read_bytes())
    folder = _HERE / "__pycache__" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""


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


eight = cast("Callable[[U8, int], np.uint64]", _load)
"""Return the eight bytes of an array from a place on as one number, the first one lowest; they must
be there, for nobody looks."""
put_eight = cast("Callable[[U8, int, np.uint64], None]", _store)
"""Write eight bytes to an array from a place on; there must be room, for nobody looks."""
low_zeros = cast("Callable[[np.uint64], int]", _zeros)
"""Return how many bits below the lowest that is set are not; one must be set."""
