"""REST: GitHub Actions."""

from __future__ import annotations

from flask import Blueprint

routes = Blueprint("actions", __name__, url_prefix="/api/v3/repos/<owner>/<name>/actions")
