"""Pages."""

from __future__ import annotations

from flask import Blueprint

routes = Blueprint("web", __name__)
