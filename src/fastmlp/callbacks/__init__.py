"""Callbacks: your code, called while a model trains, evaluates or predicts."""

from __future__ import annotations

from .callback import Callback
from .callback_list import CallbackList
from .history import History
from .lambda_callback import LambdaCallback

__all__ = ["Callback", "CallbackList", "History", "LambdaCallback"]
