"""A number of tokens in; a sandbox with as many, and an operator, in a process of its own out."""

from __future__ import annotations

import sys
from dataclasses import replace

from bench.worlds import token_id
from reconciler.sandbox.seed import default_seed
from reconciler.sandbox.server import Sandbox


def main(size: int) -> None:
    """Print the URL and the operator's secret, and serve until stdin ends."""
    seed = default_seed()
    operator = seed.tokens[0]
    bucket = tuple(each for each in operator.permissions if each.type == "buckets")
    tokens = [
        replace(operator, id=token_id(number), secret=f"FAKE-{number}", permissions=bucket) for number in range(size)
    ]
    with Sandbox.start(seed=replace(seed, tokens=(operator, *tokens))) as sandbox:
        print(sandbox.url, operator.secret, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
