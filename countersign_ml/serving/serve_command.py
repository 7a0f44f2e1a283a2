"""`countersign serve`: serve the live version of a model."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from policy.errors import UserError
from policy.governed import is_model_name, pointer_path

REGISTRY_VARIABLE = "COUNTERSIGN_REGISTRY"


def serve(argv: list[str]) -> int:
    """Serve the version of a model that its pointer names, as an OpenAI-compatible endpoint.

    The pointer is models/MODEL/pointer.json in the working tree, or, with --repository, on a branch
    that is fetched at each poll. A pointer that no valid sign-off record covers is refused.
    """
    options = _options(argv)

    from countersign_ml.registry import Registry
    from countersign_ml.serving.backend import BackendOptions
    from countersign_ml.serving.model_server import Server
    from countersign_ml.serving.pointer_source import FileSource, GitSource, PointerSource
    from countersign_ml.serving.proof import Proof, read_keys

    if not is_model_name(options.model):
        raise UserError.one(
            "countersign serve",
            f"{options.model!r} is not a model name",
            "give the name of a folder in models/",
        )
    own = options.root.resolve() / ".countersign"
    cache = options.cache or own / "serving" / options.model
    url = options.registry or os.environ.get(REGISTRY_VARIABLE) or f"file://{own / 'registry'}"
    proof = Proof(options.unsigned, read_keys(options.key) if options.key else None)
    source: PointerSource
    if options.repository:
        clone = cache / "pointer.git"
        source = GitSource(
            options.repository, options.model, ref=options.ref, clone=clone, proof=proof
        )
    else:
        source = FileSource(options.root / pointer_path(options.model), proof)
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


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="countersign serve", description=serve.__doc__)
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--root", type=Path, default=Path(), help="the working tree (default: .)")
    parser.add_argument("--repository", metavar="URL", help="follow a branch of this repository")
    parser.add_argument("--ref", default="main", help="the branch to follow (default: main)")
    parser.add_argument(
        "--key",
        type=Path,
        action="append",
        metavar="FILE",
        help="accept only records that this public key signed (default: the keys that were in "
        "policy/keys before the version was merged); repeat for more",
    )
    parser.add_argument(
        "--unsigned",
        action="store_true",
        help="serve a pointer without checking who signed it off: for a laptop without records",
    )
    parser.add_argument(
        "--registry",
        metavar="URL",
        help=f"default: ${REGISTRY_VARIABLE}, or ROOT/.countersign/registry",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        help="folder for fetched artifacts (default: ROOT/.countersign/serving/MODEL)",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--poll", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--context", type=int, default=4096, metavar="TOKENS")
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--gpu-layers", type=int, default=-1, metavar="N", help="-1: all layers")
    return parser.parse_args(argv)
