"""The compiled module, or an ImportError that says how to come by it."""

try:
    from . import _core as core
except ImportError as error:
    raise ImportError(
        "fastmlp's compiled module fastmlp._core cannot be loaded. Build it with "
        "`pip install .` in the source tree (it needs a C compiler), or install a wheel for "
        f"this Python and platform. The loader said: {error}"
    ) from error

__all__ = ["core"]
