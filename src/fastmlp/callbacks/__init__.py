"""Callbacks: your code, called while a model trains, evaluates or predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .callback import Callback
from .callback_list import CallbackList
from .history import History
from .lambda_callback import LambdaCallback
from .progbar_logger import ProgbarLogger

if TYPE_CHECKING:
    from .averages import SwapEMAWeights
    from .checkpoints import BackupAndRestore, ModelCheckpoint
    from .control import LearningRateScheduler, StopAtTime, TerminateOnNaN
    from .finder import LearningRateFinder
    from .logs import CSVLogger, RemoteMonitor
    from .monitor import EarlyStopping, MonitorCallback, ReduceLROnPlateau
    from .pruning import OptunaPruning
    from .tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateFinder",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "OptunaPruning",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "StopAtTime",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

# Where those are at home that are imported at their first use: a model needs none of them.
_HOMES = {
    "BackupAndRestore": "checkpoints",
    "CSVLogger": "logs",
    "EarlyStopping": "monitor",
    "LearningRateScheduler": "control",
    "LearningRateFinder": "finder",
    "ModelCheckpoint": "checkpoints",
    "MonitorCallback": "monitor",
    "OptunaPruning": "pruning",
    "ReduceLROnPlateau": "monitor",
    "RemoteMonitor": "logs",
    "StopAtTime": "control",
    "SwapEMAWeights": "averages",
    "TensorBoard": "tensorboard",
    "TerminateOnNaN": "control",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
