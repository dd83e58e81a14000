"""How many threads the native engine uses, and its answer to threadpoolctl.

Results never depend on the number of threads; only the time they take does.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._compiled import core

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

MAX_THREADS = 256


def get_num_threads() -> int:
    """Threads that training and prediction may use.

    Unless ``set_num_threads`` was called: environment variable ``FASTMLP_NUM_THREADS``, else
    ``OMP_NUM_THREADS``, else the usable CPUs (affinity mask and cgroup quota counted). Small
    work runs on fewer.

    Returns
    -------
    int

    Examples
    --------
    >>> import fastmlp
    >>> fastmlp.get_num_threads() >= 1
    True
    """
    return core.get_num_threads()


def set_num_threads(num_threads: int) -> None:
    """Set the number of threads for all models of this process.

    Parameters
    ----------
    num_threads : int
        From 1 to 256. More than there are CPUs is allowed and rarely useful.

    Raises
    ------
    TypeError
        If ``num_threads`` is not an integer.
    ValueError
        If it is outside 1 to 256.

    Examples
    --------
    >>> import fastmlp
    >>> before = fastmlp.get_num_threads()
    >>> fastmlp.set_num_threads(1)
    >>> fastmlp.get_num_threads()
    1
    >>> fastmlp.set_num_threads(before)
    """
    if isinstance(num_threads, bool) or not hasattr(num_threads, "__index__"):
        raise TypeError(f"num_threads must be an integer. Received: num_threads={num_threads!r}")
    count = num_threads.__index__()
    if not 1 <= count <= MAX_THREADS:
        raise ValueError(
            f"num_threads must lie in 1 to {MAX_THREADS}. Received: num_threads={num_threads!r}"
        )
    core.set_num_threads(count)


def _register_controller(threadpoolctl: ModuleType) -> None:
    """Make ``threadpoolctl.threadpool_limits`` and ``threadpool_info`` see the team."""

    class Controller(threadpoolctl.LibController):  # type: ignore[misc, name-defined]
        user_api = "fastmlp"
        internal_api = "fastmlp"
        filename_prefixes = ("_core",)
        # other packages have a _core too; only ours has these
        check_symbols = ("fm_get_num_threads", "fm_set_num_threads")

        def get_num_threads(self) -> int:
            return core.get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            core.set_num_threads(num_threads)

        def get_version(self) -> str:
            from . import __version__

            return __version__

    threadpoolctl.register(Controller)


class _ThreadpoolctlFinder:
    """Registers the controller when threadpoolctl is imported after fastmlp, so that fastmlp
    need not import it. Steps aside after that."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "threadpoolctl":
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_register(module: ModuleType) -> None:
            execute(module)
            _register_controller(module)

        loader: Any = spec.loader
        loader.exec_module = execute_and_register
        return spec


if "threadpoolctl" in sys.modules:
    _register_controller(sys.modules["threadpoolctl"])
else:
    sys.meta_path.insert(0, _ThreadpoolctlFinder())
