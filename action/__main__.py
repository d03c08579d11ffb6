"""A verb of the action as the only argument in, an exit code out."""

import sys
from importlib import import_module
from pathlib import Path

# Last, so that an installed tokenctl of another version comes before the one beside this folder.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from action.python import too_old

sys.exit(too_old(sys.version_info[:2]) or import_module("action.verbs").main(sys.argv[1:]))
