"""The command `tokenctl`."""

import atexit
import os
import sys

_HELP = ("--help", "-h")
_COLUMNS = 80  # of the texts in help/, which are for terminals as wide as that and for wider ones


def run() -> None:
    """Run the command with this process's arguments, and end the process with its exit code.

    It ends at once, as all was written: Python would take apart what was loaded, each object of a large run among it.
    """
    code = main()
    atexit._run_exitfuncs()  # noqa: SLF001  what libraries want to have done in the end
    os._exit(code)


def main() -> int:
    """Run the command with this process's arguments and give its exit code."""
    # Answered before anything is imported: scripts and completions ask for it, and it should cost nothing.
    if sys.stdout and (text := _known(sys.argv[1:])):
        return _show(text)
    try:
        from reconciler.cli import process

        process.collect_garbage(wanted=False)
        from reconciler.cli.main import main as run_line

        code = run_line(sys.argv[1:], process.handle_signals())
        process.ignore_signals()
    except KeyboardInterrupt:  # before or after the part that handles it
        return 130
    return code


def _known(arguments: list[str]) -> str:
    """The version or a help text, if nothing else is asked for; "" for what has to be worked out."""
    if arguments == ["--version"]:
        from reconciler import __version__

        return f"tokenctl {__version__}\n"
    if not 1 <= len(arguments) <= 2 or arguments[-1] not in _HELP or not _is_wide():
        return ""
    from pathlib import Path

    wanted = f"{['tokenctl', *arguments][-2]}.txt"
    folder = Path(__file__).with_name("help")
    return next((each.read_text("utf-8") for each in folder.iterdir() if each.name == wanted), "")


def _is_wide() -> bool:
    """Whether the help is as wide as it gets, as far as that is known at once."""
    if "COLUMNS" in os.environ:
        return False
    return not sys.stdout.isatty() or not 0 < os.get_terminal_size(sys.stdout.fileno()).columns < _COLUMNS


def _show(text: str) -> int:
    """Write it to standard output and give the exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try again, and fail, at its end
        if not isinstance(error, BrokenPipeError):  # a reader who has left is no failure
            from reconciler.session.context import unwritable

            sys.exit(str(unwritable(error)))
    return 0


if __name__ == "__main__":
    run()
