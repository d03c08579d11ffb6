"""Programs that start fast: a process in which everything is imported forks for each run of them.

`tokenctl` and `python -I FOLDER VERB` are started as the real ones are, with arguments, a folder, an environment and
standard streams, by whoever finds them in the PATH; that takes a fifth of the time. Not for tests of the start itself,
of SIGKILL, or where coverage is measured.
"""

from __future__ import annotations

import gc
import io
import marshal
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import action
import reconciler
from tests.shell import unmeasured

ROOT = Path(__file__).parent.parent
# What its caller started lends its streams to the program, hands signals on, and ends as that has ended.
STANDS_FOR_IT = """#!{python} -IS
import _signal, _socket, marshal, os, sys
given = marshal.dumps([sys.argv, os.getcwd(), dict(os.environ)])
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
server.connect({socket!r})
server.sendmsg([len(given).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
program = int.from_bytes(server.recv(4), "big")
def hand_on(number, _):
    try:
        os.kill(program, number)
    except ProcessLookupError:  # it has ended, and its code is on the way
        pass
for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
    _signal.signal(number, hand_on)
server.sendall(given)
os._exit(server.recv(1)[0])
"""


@contextmanager
def forked_programs() -> Iterator[Path]:
    """A folder with `tokenctl` and `python` for the time of the block."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as listener:
        path = str(Path(name, "socket"))
        listener.bind(path)
        listener.listen()
        for program in ("tokenctl", "python"):
            file = Path(name, program)
            file.write_text(STANDS_FOR_IT.format(python=sys.executable, socket=path))
            file.chmod(0o755)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.forked"], stdin=listener.fileno(), cwd=ROOT, env=unmeasured()
        ) as process:
            try:
                yield Path(name)
            finally:
                process.kill()


def _become(connection: socket.socket) -> int:
    """Be what was started, and give its exit code."""
    length, streams, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as sent:
        arguments, folder, environment = marshal.loads(sent.read(int.from_bytes(length, "big")))  # noqa: S302  # ours
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = _writer(1, "surrogateescape")
    sys.stderr = _writer(2, "backslashreplace")
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code: object = 1
    try:
        if arguments[0].endswith("python"):
            sys.executable, sys.argv = arguments[0], arguments[2:]  # without the -I
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            sys.argv = arguments
            code = import_module("reconciler.__main__").main()
    except SystemExit as ended:
        code = ended.code
    except Exception:  # noqa: BLE001  # shown as Python would
        traceback.print_exc()
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = 1
    for each in threading.enumerate():
        if not each.daemon and each is not threading.current_thread():
            each.join()
    sys.stdout.flush()
    return int(str(code or 0))


def _writer(number: int, errors: str) -> io.TextIOWrapper:
    """A standard stream as Python makes it."""
    lines = number == 2 or os.isatty(number)
    return os.fdopen(number, "w", encoding="utf-8", errors=errors, buffering=1 if lines else -1, closefd=False)


def main() -> None:
    """Fork for each connection that comes to the socket at standard input, until somebody kills this."""
    for package in (reconciler, action):
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if each.name != "action.__main__":
                import_module(each.name)
    import_module("deepdiff")
    gc.freeze()
    waiting = 0  # processes that wait for a program, each until that has ended
    with socket.socket(fileno=0) as listener:
        while True:
            connection, _ = listener.accept()
            if not os.fork():
                _wait(connection)
            connection.close()
            while waiting and os.waitpid(-1, os.WNOHANG)[0]:
                waiting -= 1
            waiting += 1


def _wait(connection: socket.socket) -> None:
    if not (child := os.fork()):
        os._exit(_become(connection))
    connection.sendall(child.to_bytes(4, "big"))
    _, status = os.waitpid(child, 0)
    connection.sendall(bytes([os.waitstatus_to_exitcode(status) % 256]))
    os._exit(0)


if __name__ == "__main__":
    main()
