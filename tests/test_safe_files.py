"""Files that a crash leaves whole, and of which only one has the lock."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lib_gi import safe_files
from lib_gi.safe_files import locked, write_whole

ROOT = Path(__file__).parents[1]
CRASHES = ("open", "write", "fsync", "replace", "folder")


@pytest.mark.parametrize("crash", CRASHES)
def test_after_a_crash_at_any_moment_the_file_is_the_old_or_the_new_one(tmp_path, crash):
    file = tmp_path / "file"
    write_whole(file, b"old" * 1000)
    code = f"""
import os, pathlib, sys
from lib_gi.safe_files import write_whole
real = os.fsync, os.replace, pathlib.Path.open
class Cut:
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
    def write(self, data): self.file.write(data[:100]); self.file.flush(); os._exit(9)
calls = []
def fsync(fd):
    calls.append(fd)
    if {crash!r} == ("fsync" if len(calls) == 1 else "folder"): os._exit(9)
    real[0](fd)
def replace(*names):
    if {crash!r} == "replace": os._exit(9)
    real[1](*names)
def open(self, mode):
    file = real[2](self, mode)
    if {crash!r} == "open": os._exit(9)
    return Cut(file) if {crash!r} == "write" else file
os.fsync, os.replace, pathlib.Path.open = fsync, replace, open
write_whole(pathlib.Path(sys.argv[1]), b"new" * 1000)
"""
    done = subprocess.run([sys.executable, "-c", code, file], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    assert file.read_bytes() == (b"new" if crash == "folder" else b"old") * 1000
    write_whole(file, b"next")
    assert file.read_bytes() == b"next" and os.listdir(tmp_path) == ["file"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"old")
    (tmp_path / "link").symlink_to("elsewhere")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "elsewhere").read_bytes() == b"new"


def test_only_one_thread_is_inside_and_nothing_is_left(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with locked(tmp_path / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 80 and set(most) == {1} and not os.listdir(tmp_path)


@pytest.fixture()
def holder(tmp_path):
    """Another process that has the lock until its input ends."""
    code = (
        "import sys, pathlib\nfrom lib_gi.safe_files import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n    print('in', flush=True)\n    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "lock"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"in\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_another_process_holds_is_waited_for_and_not_for_ever(tmp_path, holder):
    with pytest.raises(TimeoutError), locked(tmp_path / "lock", patience=0.1):
        pass
    threading.Timer(0.2, holder.stdin.close).start()
    with locked(tmp_path / "lock"):
        pass


def test_a_process_that_dies_holds_nothing_any_longer(tmp_path, holder):
    holder.kill()
    holder.wait()
    with locked(tmp_path / "lock", patience=5):
        pass


def test_an_error_inside_lets_go(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), locked(tmp_path / "lock", patience=1):
            raise KeyError
    assert not os.listdir(tmp_path)


def test_where_a_file_system_has_no_locks_only_threads_wait(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def unsupported(file, how):
        raise OSError(safe_files.errno.ENOSYS, "no locks here")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with locked(tmp_path / "lock", patience=1):
        failed = []

        def other():
            try:
                with locked(tmp_path / "lock", patience=0.05):
                    pass
            except TimeoutError as error:
                failed.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert failed
