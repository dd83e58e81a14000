"""Packages that only some functions need: imported where they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def require(module: str, extra: str, what: str) -> Any:
    """The module, or an ImportError that names ``what`` needs it and the extra to install.

    Examples
    --------
    >>> require("math", "plot", "this example").pi > 3
    True
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f'{what} needs {package}, which is not installed: pip install "fastmlp[{extra}]"'
        ) from error
