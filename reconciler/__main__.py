"""The command `tokenctl`."""

import sys


def main() -> int:
    """Run the command with this process's arguments and give its exit code."""
    # Answered before anything is imported: scripts and completions ask for it, and it should cost nothing.
    if sys.argv[1:] == ["--version"] and sys.stdout:
        from reconciler import __version__

        try:
            sys.stdout.write(f"tokenctl {__version__}\n")
            sys.stdout.flush()
            return 0
        except OSError:
            pass  # it is written again below, where this is told as that of any command
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
