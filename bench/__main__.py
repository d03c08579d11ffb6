"""Print every benchmark: minimum and median of the runs, the yardstick beside it, and the ratio that it should keep."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import offline, online, sending

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tokenctl-bench-") as folder:
        kept = [*offline.run(Path(folder)), *online.run(Path(folder)), *sending.run(Path(folder))]
    sys.exit(0 if all(kept) else 1)
