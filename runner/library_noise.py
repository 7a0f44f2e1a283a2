"""Keep the libraries' own bars and deprecation notes off the line that a person reads.

Their warnings about results stay. A note that one library makes about another's old spelling is
nothing that who trains a model could mend.
"""

from __future__ import annotations

import logging
import warnings


def hush() -> None:
    """Call before models are loaded; calling it again changes nothing."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    for package in ("transformers", "peft", "accelerate"):
        warnings.filterwarnings("ignore", category=FutureWarning, module=rf"{package}\b")
    logging.getLogger("accelerate").setLevel(logging.ERROR)
