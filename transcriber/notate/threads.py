"""How many threads notation multiplies with."""

from __future__ import annotations

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def one_thread() -> AbstractContextManager[object]:
    """`with one_thread():` keeps numpy's products to one thread: for small matrices several wait longer than they work.

    On a machine where other processes keep the cores busy, notation took up to twenty times as long with several.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
