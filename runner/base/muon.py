"""Muon for the tiny base model's matrices, in float32 and many matrices at a time.

A model this small learns to copy, to sort and to write JSON in sudden steps; with AdamW alone
some of them did not happen in time. torch's own Muon works in bfloat16 and one matrix at a time,
which is slow on two cores. After Jordan et al., "Muon: an optimizer for hidden layers in neural
networks" (2024).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

MOMENTUM = 0.95
ROUNDS = 5
"""Newton-Schulz rounds; five bring every singular value near one."""
FIRST, SECOND, THIRD = 3.4445, -4.7750, 2.0315


class Muon:
    """Steps each matrix along its momentum, made orthogonal; `rate` is set before each step."""

    def __init__(self, matrices: Sequence[torch.nn.Parameter], weight_decay: float) -> None:
        self.rate = 0.0
        self._weight_decay = weight_decay
        shapes = dict.fromkeys(tuple(matrix.shape) for matrix in matrices)
        self._groups = [[m for m in matrices if tuple(m.shape) == shape] for shape in shapes]
        self._momenta = [torch.zeros(len(group), *group[0].shape) for group in self._groups]

    @torch.no_grad()
    def step(self) -> None:
        """Update every matrix from its gradient."""
        for group, momentum in zip(self._groups, self._momenta, strict=True):
            gradients = torch.stack([_gradient(matrix) for matrix in group])
            momentum.lerp_(gradients, 1 - MOMENTUM)
            direction = orthogonal(gradients.lerp(momentum, MOMENTUM))
            rows, columns = direction.shape[-2:]
            rate = self.rate * max(1.0, rows / columns) ** 0.5
            for matrix, part in zip(group, direction, strict=True):
                matrix.mul_(1 - self.rate * self._weight_decay).add_(part, alpha=-rate)


def _gradient(matrix: torch.nn.Parameter) -> torch.Tensor:
    if matrix.grad is None:
        raise RuntimeError("a matrix took no part in the loss")
    return matrix.grad


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """Return the nearest matrices (batch, rows, columns) with singular values of about one."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = FIRST * x + (SECOND * square + THIRD * square @ square) @ x
    result: torch.Tensor = x.mT if tall else x
    return result
