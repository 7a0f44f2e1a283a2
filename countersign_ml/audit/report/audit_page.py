"""The audit as one HTML page: no script, nothing loaded from elsewhere, every text escaped.

Titles, reasons, names and logins are untrusted. The template escapes all of them, and the page's
own content security policy allows no script in any case.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from countersign_ml.audit.audit_sentences import short
from countersign_ml.audit.judging.audit_result import Audit, fingerprint
from countersign_ml.audit.report.version_timeline import look_of, timeline
from policy.errors import one_line
from policy.verdict import Finding
from policy.verdict_text import MARKS

_WAYS = {
    "forward": "release",
    "back": "rollback",
    "nothing": "rollback to none",
    "irregular": "irregular",
}


def render(audit: Audit) -> str:
    """Return the page's HTML."""
    environment = Environment(
        loader=PackageLoader("countersign_ml.audit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    style, _, _ = environment.loader.get_source(environment, "audit.css")  # type: ignore[union-attr] # a loader is given above
    style = style.strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    changes = audit.changes
    return environment.get_template("audit.html").render(
        audit=audit,
        style=Markup(style),  # noqa: S704 - our own file
        style_digest=digest,
        changes=len(changes),
        proven_changes=sum(change.proven for change in changes),
        forced=sum(len(change.forced) for change in changes),
        proven_rules=sum(rule.proven for rule in audit.later_rules),
        later_rules=len(audit.later_rules),
        models=[(model, timeline(model.changes)) for model in audit.models],
        look_of=look_of,
        short=short,
        ways=_WAYS,
        fingerprint=fingerprint,
        marks=_mark,
    )


def _shown(value: Any) -> Any:
    """Return a value as one safe line: control characters are escaped."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return one_line(value)
    return value


def _mark(finding: Finding) -> str:
    return MARKS[finding.outcome].lower()
