"""Print the benchmarks that are named, all of them by default: each command beside its yardstick, and their ratio.

Times are the minimum and the median of nine runs, of fewer where one takes many seconds, and the ratio is of the
minima. Exits with 1 when a bound is broken.
"""

from __future__ import annotations

import compileall
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import reconciler
from bench.fleets import rows as fleet_rows
from bench.offline import rows
from bench.online import Online
from bench.requestlog import rows as log_rows
from bench.servers import Servers


def main(names: list[str]) -> int:
    """Run them in the order of the table and return the exit code."""
    compileall.compile_dir(Path(reconciler.__file__).parent, quiet=1)  # as an installation does
    with tempfile.TemporaryDirectory(prefix="tokenctl-bench-") as folder, ExitStack() as stack:
        known = rows(Path(folder)) | Online(Path(folder), Servers(stack)).rows() | log_rows(Path(folder))
        known |= fleet_rows(Path(folder))
        if unknown := set(names) - known.keys():
            print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
            return 64
        kept = [run() for name, run in known.items() if not names or name in names]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
