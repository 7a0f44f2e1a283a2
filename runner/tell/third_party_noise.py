"""Silence the libraries' progress bars and deprecation notes.

The warnings that matter here (missing weights, cut rows, differing templates) are checked by the
runner itself and are errors.
"""

from __future__ import annotations

import logging
import warnings


def hush() -> None:
    """Call before models are loaded; calling it again changes nothing."""
    from transformers.utils import logging as spoken

    spoken.disable_progress_bar()  # type: ignore[no-untyped-call]
    spoken.set_verbosity_error()  # type: ignore[no-untyped-call]
    for package in ("transformers", "peft", "accelerate"):
        warnings.filterwarnings("ignore", category=FutureWarning, module=rf"{package}\b")
    for name in ("accelerate", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
