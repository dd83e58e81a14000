"""What both PyTorch peers share: data, the loop over an epoch, inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jobs import SEED, Job
from torch import nn

from peers import Unit, package_versions

Step = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def versions() -> dict[str, str]:
    return package_versions("torch", "numpy") | {"torch build": torch.__config__.show()}


def tensors(x: Any, y: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, F) float64 and (N,) int64 or (N, K) float64."""
    x = x / 255.0 if x.dtype == np.uint8 else np.ascontiguousarray(x)
    y = y.astype(np.int64) if y.dtype == np.int32 else np.ascontiguousarray(y)
    return torch.from_numpy(x), torch.from_numpy(y)


def epoch_unit(job: Job, x: torch.Tensor, y: torch.Tensor, step: Step) -> Unit:
    """``step(x, y, rows)`` trains on the given row indices and returns their mean loss."""
    torch.manual_seed(SEED)
    in_order = torch.arange(job.rows)

    def unit() -> float:
        total = torch.zeros((), dtype=torch.float64)
        for _ in range(job.epochs):
            order = torch.randperm(job.rows) if job.shuffle else in_order
            total.zero_()
            for start in range(0, job.rows, job.batch):
                rows = order[start : start + job.batch]
                total += step(x, y, rows) * len(rows)
        return float(total) / job.rows

    return unit


def network(job: Job, weights: Sequence[Any]) -> nn.Sequential:
    """The model as PyTorch users write it; its Linear stores the kernel as (out, in)."""
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(job.dense_shapes):
        linear = nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights[2 * index].T))
            linear.bias.copy_(torch.from_numpy(weights[2 * index + 1]))
        layers.append(linear)
        if index < len(job.dense_shapes) - 1:
            layers.append(nn.ReLU() if job.activation == "relu" else nn.Tanh())
            if job.dropout:
                layers.append(nn.Dropout(job.dropout))
    return nn.Sequential(*layers)


def inference_unit(model: Any, x: Any) -> Unit:
    """From a NumPy array to a NumPy array."""
    x = np.ascontiguousarray(x)

    def unit() -> None:
        with torch.inference_mode():
            model(torch.from_numpy(x)).numpy()

    return unit
