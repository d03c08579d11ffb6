"""An exception that nothing foresaw in, what may be said of it out; and what a process must not leave when it dies."""

from __future__ import annotations

import traceback
from contextlib import suppress

from reconciler.render.escape import line
from reconciler.session.context import Context

_WHAT = (
    "tokenctl: this is a mistake in tokenctl itself\n"
    "  hint: please report it with the lines below. Secrets in them are masked, names and descriptions are not;\n"
    "  hint: when it came while changes were sent, the journal says which, and running it again is safe\n"
)


def report(error: BaseException, context: Context) -> str:
    """The whole traceback, with `***` for each secret that the run knows and for whatever looks like one."""
    context.hide(context.environment.get("INFLUX_TOKEN", ""))  # it may have come too early for the run to know
    trace = context.masked("".join(traceback.format_exception(error)))
    # A message may have any text in it, and draw or command with it.
    return _WHAT + "".join(f"{line(each)}\n" for each in trace.split("\n") if each)


def leave_no_core() -> None:
    """Let a crash of the interpreter leave no file with the memory of this process, which has the secret in it."""
    import resource

    with suppress(OSError, ValueError):  # where limits cannot be set, that is no reason to do nothing
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))
