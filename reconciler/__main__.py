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
        except OSError as error:
            import os

            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try again, and fail, at its end
            if not isinstance(error, BrokenPipeError):  # a reader who has left is no failure
                from reconciler.session.context import unwritable

                sys.exit(str(unwritable(error)))
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
