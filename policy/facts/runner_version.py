"""The version of the measuring code, part of every proposal digest."""

from __future__ import annotations

RUNNER_VERSION = "0.2.0"
"""Raised whenever the runner would measure or train differently from the same inputs."""
