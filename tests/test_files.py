"""A file is written whole or not at all, replaces only files, and whether it can be is known beforehand."""

from __future__ import annotations

import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Literal

import pytest

from reconciler import files
from reconciler.errors import LocalError

ACTS: list[Callable[[Path], None]] = [files.probe, lambda path: files.write("x", path)]


def _listen(name: str) -> None:
    """Leave a socket of that name in the file system."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(name)


def names(folder: Path) -> list[str]:
    """What is in the folder."""
    return sorted(path.name for path in folder.iterdir())


def refused(act: Callable[[Path], None], path: Path) -> str:
    """What is said of a path that cannot be written."""
    with pytest.raises(LocalError) as caught:
        act(path)
    return str(caught.value).replace(str(path), "PATH")


def test_a_text_is_written_in_utf_8_and_what_has_no_place_there_as_an_escape(tmp_path: Path) -> None:
    files.write("日本語\r\nhalf\ud800", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == "日本語\r\nhalf\\ud800".encode()
    assert names(tmp_path) == ["a"]


def test_a_probe_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    for name in ("old", "new", "n" * 255):
        files.probe(tmp_path / name)
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


@pytest.mark.parametrize("act", ACTS)
def test_what_is_no_file_and_what_cannot_be_one_is_refused_and_left_alone(
    act: Callable[[Path], None], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "file").write_text("")
    assert refused(act, tmp_path / "pipe") == "cannot write to PATH: it is not a regular file"
    assert refused(act, tmp_path / "link") == "cannot write to PATH: it is not a regular file"
    assert refused(act, Path("/dev/null")) == "cannot write to PATH: it is not a regular file"
    assert refused(act, tmp_path / "folder") == "cannot write to PATH: is a directory"
    assert refused(act, tmp_path / "none" / "a") == "cannot write to PATH: no such file or directory"
    assert refused(act, tmp_path / "file" / "a") == "cannot write to PATH: not a directory"
    assert names(tmp_path) == ["file", "folder", "link", "pipe"]


def test_a_name_of_standard_output_is_no_file_even_where_it_leads_to_one(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from reconciler import files\n"
        "from reconciler.errors import LocalError\n"
        "try:\n"
        "    files.probe(pathlib.Path('/dev/stdout'))\n"
        "except LocalError as error:\n"
        "    sys.stderr.write(str(error))\n"
    )
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, text=True, check=True)
    assert done.stderr == "cannot write to /dev/stdout: it is not a regular file"


@pytest.mark.parametrize(("private", "mode"), [(False, 0o640), (True, 0o600)])
def test_who_may_read_a_file_is_for_the_umask_unless_it_is_private(private: bool, mode: int, tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from reconciler import files\n"
        "os.umask(0o027)\n"
        f"files.write('x', pathlib.Path(sys.argv[1]), private={private})\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=True)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_link_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "link").symlink_to("precious")
    (tmp_path / "dangling").symlink_to("nothing")
    files.write("x", tmp_path / "link")
    files.write("x", tmp_path / "dangling")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "precious": "precious", "link": "x", "dangling": "x"
    }  # fmt: skip


def test_a_disk_that_fills_up_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        said = refused(lambda path: files.write("x" * 200, path), tmp_path / "a")
        again = refused(lambda path: files.replace(path, b"x" * 200, b"old"), tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said == again == "cannot write to PATH: file too large"
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_pipe_is_read_to_its_end_and_waited_for_only_so_long(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TimeoutError) as caught:
        files.read(pipe, 100, 0.01)
    assert caught.value.strerror == "nothing came through it for 0.01 s"
    with os.fdopen(os.open(pipe, os.O_RDWR), "wb", buffering=0) as writer:
        writer.write(b"some")
        with pytest.raises(TimeoutError):
            files.read(pipe, 5, 0.01)
        writer.write(b"some more")
        assert files.read(pipe, 4, 30) == b"some"


def test_a_file_is_read_up_to_so_many_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some")
    assert [files.read(tmp_path / "a", most, 30) for most in (0, 3, 4, 5)] == [b"", b"som", b"some", b"some"]
    assert files.read(Path("/dev/zero"), 3, 30) == bytes(3)


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    with files.regular(path) as stream:
        assert files.whole(stream, 4) is None
        assert stream.tell() == 0  # nothing of it was read
        assert files.whole(stream, 5) == b"12345"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, _listen], ids=["pipe", "folder", "socket"])
@pytest.mark.parametrize("mode", ["rb", "ab"])
def test_what_is_no_regular_file_is_refused_and_not_waited_for(
    tmp_path: Path, make: Callable[[str], object], mode: Literal["rb", "ab"]
) -> None:
    with chdir(tmp_path):  # the name of a socket may not be long
        make("it")
        with pytest.raises(OSError, match=r"not a regular file|[Ii]s a directory"), files.regular(Path("it"), mode):
            pytest.fail("it was opened")


def test_a_regular_file_is_read_and_added_to_and_never_made(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "link"
    with pytest.raises(FileNotFoundError), files.regular(path, "ab"):
        pytest.fail("it was opened")
    path.write_bytes(b"one")
    link.symlink_to(path)
    with files.regular(link, "ab") as stream:
        stream.write(b"two")
    with files.regular(path, follow=False) as stream:
        assert stream.read() == b"onetwo"
    with pytest.raises(OSError, match="symbolic"), files.regular(link, follow=False):
        pytest.fail("it was opened")


def test_a_file_is_replaced_behind_its_link_and_keeps_its_mode(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    files.replace(link, b"new", b"old")
    assert (target.read_bytes(), target.stat().st_mode & 0o777, link.is_symlink()) == (b"new", 0o640, True)
    files.replace(tmp_path / "made", b"new", None)
    assert (tmp_path / "made").read_bytes() == b"new"


@pytest.mark.parametrize("seen", [b"ol", b"older", None])
def test_a_file_that_is_not_as_it_was_seen_is_not_replaced(seen: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(LocalError, match="has changed since it was read"):
        files.replace(path, b"new", seen)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"old")]


def test_what_cannot_be_replaced_is_left_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(LocalError, match="cannot write to"):
        files.replace(tmp_path / "nowhere" / "file", b"new", None)
    path.unlink()
    with pytest.raises(LocalError, match="cannot write to"):
        files.replace(path, b"new", b"old")
    assert list(tmp_path.iterdir()) == []


_KILLED = """
import itertools, os, signal, sys
from pathlib import Path
from reconciler import files
path, number = Path(sys.argv[1]), 0
for number in itertools.count(1):
    path.write_bytes(b"old")
    child = os.fork()
    if child == 0:
        left = itertools.count(number, -1)
        sys.addaudithook(lambda *_: next(left) or os.kill(os.getpid(), signal.SIGKILL))
        files.replace(path, b"new", b"old")
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    print(path.read_bytes().decode(), ended)
    if ended == 0:
        break
"""


def test_who_is_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, tmp_path / "file"], capture_output=True, text=True, check=True
    )
    killed = done.stdout.split("\n")
    assert killed[-2:] == ["new 0", ""]
    assert len(killed) > 5
    assert {line.split()[0] for line in killed[:-2]} <= {"old", "new"}
    assert killed[0] == "old 9"
