"""`--numprocesses N`: collect the tests once, and fork N processes that share them out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

import pytest
from _pytest.runner import runtestprotocol

_FORK = get_context("fork")


class Workers:
    """Processes that each run some tests which no other has taken, fewer the fewer are left, and send their reports."""

    def __init__(self, session: pytest.Session, count: int) -> None:
        self._session, self._config, self._count = session, session.config, count
        self._taken, self._stopped = _FORK.Value("L", 0), _FORK.RawValue("b", 0)
        self._processes: dict[Connection, ForkProcess] = {}
        for _ in range(count):
            here, there = _FORK.Pipe(duplex=False)
            self._processes[here] = _FORK.Process(target=self._run, args=(there,), daemon=True)
            self._processes[here].start()
            there.close()  # before the next inherits it, or nobody would see the end of this one

    def _take(self) -> Iterator[pytest.Item]:
        """Take neighbours together, as they share fixtures, until none is left or all stop."""
        first, items = 0, self._session.items
        while first < len(items):
            with self._taken.get_lock():
                first = self._taken.value
                after = self._taken.value = first + max(1, (len(items) - first) // (2 * self._count))
            for item in items[first:after]:
                if self._stopped.value:
                    return
                yield item

    def _run(self, answers: Connection) -> None:
        self._answers = answers
        capture = self._config.pluginmanager.getplugin("capturemanager")
        capture.stop_global_capturing()  # into files that all processes have in common
        capture.start_global_capturing()
        capture.suspend_global_capture()
        self._config.pluginmanager.register(self)
        try:
            with suppress(KeyboardInterrupt):  # the first process has it too
                for item, following in pairwise(chain(self._take(), [None])):
                    self._config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        finally:
            self._session._setupstate.teardown_exact(None)
            # What nobody closed may only be found now; where warnings are errors, this process ends with 1.
            self._config.pluginmanager.getplugin("unraisableexception").pytest_unconfigure(self._config)
            if coverage := self._config.pluginmanager.getplugin("_cov"):
                coverage.cov_controller.cov.stop()
                coverage.cov_controller.cov.save()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test; its reports are told by the first process."""
        self._answers.send((item.nodeid, []))
        convert, reports = self._config.hook.pytest_report_to_serializable, runtestprotocol(item, False, nextitem)
        self._answers.send(("", [convert(config=self._config, report=each) for each in reports]))
        return True

    def tell(self) -> None:
        """Tell of what the processes run as if it was run here, until all have ended; all stop when one dies."""
        hook, session, running = self._config.hook, self._session, dict.fromkeys(self._processes, "")
        while running:
            for answers in wait(running):
                assert isinstance(answers, Connection)
                try:
                    running[answers], reports = answers.recv()
                    for each in reports:
                        report = hook.pytest_report_from_serializable(config=self._config, data=each)
                        hook.pytest_runtest_logreport(report=report)
                except EOFError:
                    self._processes[answers].join()
                    name, code = running.pop(answers), self._processes[answers].exitcode
                    if name or code:
                        name = name or "after the last test"
                        place, text = (name, None, name), f"the process that ran it ended with {code}"
                        hook.pytest_runtest_logreport(report=pytest.TestReport(name, place, {}, "failed", text, "call"))
                        session.shouldfail = f"a process ended with {code} in {name}"
                self._stopped.value = bool(session.shouldfail or session.shouldstop)

    def end(self) -> None:
        """Wait for the processes, each of which ends after the test that it runs."""
        self._stopped.value = True
        for answers, process in self._processes.items():
            answers.close()
            process.join()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option has the names that pytest-xdist gives it."""
    parser.getgroup("general")._addoption(
        "-n", "--numprocesses", type=int, default=0, help="run the tests in N processes"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests in other processes where that is asked for; macOS has libraries that do not survive a fork."""
    config = session.config
    count = 1 if sys.platform == "darwin" or config.option.usepdb else config.getoption("numprocesses")
    if count < 2 or session.testsfailed or config.option.collectonly:
        return None
    vars(config)["_tmp_path_factory"].getbasetemp()  # one for all processes, which this one removes
    workers = Workers(session, count)
    try:
        workers.tell()
    finally:
        workers.end()
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    return True
