"""The subcommand `countersign serve`."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from policy.errors import UserError

REGISTRY_VARIABLE = "COUNTERSIGN_REGISTRY"


def serve(argv: list[str]) -> int:
    """Serve the version of a model that its pointer names, as an OpenAI-compatible endpoint.

    The pointer is models/MODEL/pointer.json of the working tree, or, with --repository, of a branch
    that is fetched again and again.
    """
    parser = argparse.ArgumentParser(prog="countersign serve", description=serve.__doc__)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--root", type=Path, default=Path(), help="the working tree (default: .)")
    parser.add_argument("--repository", metavar="URL", help="follow a branch of this repository")
    parser.add_argument("--ref", default="main", help="the branch to follow (default: main)")
    parser.add_argument(
        "--registry", metavar="URL", help=f"default: ${REGISTRY_VARIABLE}, or a folder"
    )
    parser.add_argument("--cache", type=Path, help="folder for fetched artifacts")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--poll", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--context", type=int, default=4096, metavar="TOKENS")
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--gpu-layers", type=int, default=-1, metavar="N", help="-1: all")
    options = parser.parse_args(argv)

    from countersign_ml.registry import Registry
    from countersign_ml.serving.backend import BackendOptions
    from countersign_ml.serving.model_server import Server
    from countersign_ml.serving.pointer_source import (
        FileSource,
        GitSource,
        PointerSource,
        pointer_path,
    )

    _check_name(options.model)
    own = options.root.resolve() / ".countersign"
    cache = options.cache or own / "serving" / options.model
    url = options.registry or os.environ.get(REGISTRY_VARIABLE) or f"file://{own / 'registry'}"
    source: PointerSource
    if options.repository:
        clone = cache / "pointer.git"
        source = GitSource(options.repository, options.model, ref=options.ref, clone=clone)
    else:
        source = FileSource(options.root / pointer_path(options.model))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for chatty in ("httpx", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    Server(
        options.model,
        source,
        Registry(url),
        cache=cache,
        host=options.host,
        port=options.port,
        poll_seconds=options.poll,
        options=BackendOptions(
            context=options.context, threads=options.threads, gpu_layers=options.gpu_layers
        ),
    ).run()
    return 0


def _check_name(model: str) -> None:
    """Refuse what is no model's name, before it becomes a path."""
    from pydantic import TypeAdapter, ValidationError

    from policy.names import ModelName

    try:
        TypeAdapter(ModelName).validate_python(model)
    except ValidationError as error:
        raise UserError.one(
            "countersign serve", f"{model!r} is no model's name", "give a folder's name in models/"
        ) from error
