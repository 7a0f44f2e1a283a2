"""CODEOWNERS at size: 1,000 lines, 3,000 files, compared with the PyPI package `codeowners`.

Run: pip install codeowners && python benchmarks/codeowners_lines.py
"""

from __future__ import annotations

import random
import time

from codeowners import CodeOwners

from policy.files.codeowners import parse

LINES, FILES = 1000, 3000


def workload(seed: int = 0) -> tuple[str, list[str]]:
    """Return a file of varied lines, and paths that could match most of them."""
    draw = random.Random(seed)
    folders = [f"team{n}" for n in range(200)]
    lines = ["* @all"]
    while len(lines) < LINES:
        folder = draw.choice(folders)
        lines.append(
            draw.choice(
                [
                    f"/{folder}/ @a",
                    f"/{folder}/src/module{draw.randrange(50)}/ @b",
                    f"*.ext{draw.randrange(100)} @c",
                    f"/{folder}/**/test{draw.randrange(20)} @d",
                    f"/{folder}/*.md @e",
                    f"file{draw.randrange(500)}.py @f",
                ]
            )
        )
    paths = [
        f"{draw.choice(folders)}/src/module{draw.randrange(50)}/"
        f"file{draw.randrange(500)}.{draw.choice(['py', 'md', f'ext{draw.randrange(100)}'])}"
        for _ in range(FILES)
    ]
    return "\n".join(lines) + "\n", paths


def main() -> None:
    text, paths = workload()
    begin = time.perf_counter()
    parsed = parse(text)
    ours = [parsed.rule_for(path) for path in paths]
    middle = time.perf_counter()
    peer = CodeOwners(text)
    theirs = [peer.matching_line(path) for path in paths]
    end = time.perf_counter()
    differing = sum(
        (rule.line if rule else None) != line[1] for rule, line in zip(ours, theirs, strict=True)
    )
    print(f"countersign {middle - begin:.3f} s, codeowners {end - middle:.3f} s, "
          f"ratio {(end - middle) / (middle - begin):.1f}, {differing} answers differ")  # fmt: skip


if __name__ == "__main__":
    main()
