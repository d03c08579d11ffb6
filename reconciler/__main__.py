"""The command `tokenctl`."""

import sys


def main() -> int:
    """Run the command with this process's arguments and give its exit code."""
    # Answered before anything is imported: scripts and completions ask for it, and it should cost nothing.
    if sys.argv[1:] == ["--version"] and sys.stdout:
        import os
        from contextlib import suppress

        from reconciler import __version__

        with suppress(OSError):  # told as that of any command
            os.write(sys.stdout.fileno(), f"tokenctl {__version__}\n".encode())
            return 0
    try:
        from reconciler.cli import process

        process.collect_garbage(wanted=False)
        from reconciler.cli.main import main as run

        code = run(sys.argv[1:], process.handle_signals())
        process.ignore_signals()
    except KeyboardInterrupt:  # before or after the part that handles it
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
