"""Serves the version that the pointer names, and follows the pointer when it moves."""

from __future__ import annotations
