# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
A real disk that is slow: ext4 on a loop device over a file of FUSE that takes its time; and who waits for it.
"""

from __future__ import annotations

import os
import select
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from twisted.trial.unittest import SkipTest

__all__ = ["SlowDisk", "waiting_for_disks"]

SIZE = 64 << 20
PROGRAM = Path(__file__).with_name("slow_disk_program.py")
WATCHER = Path(__file__).with_name("slow_disk_watcher.py")


class SlowDisk:
    """
    A file system on a slow device.

    :param point: where it is mounted, once :meth:`mount` was called.
    :raises SkipTest: where it cannot be made, with what is missing.
    """

    def __init__(self, point: Path) -> None:
        if os.geteuid() != 0:
            raise SkipTest("does not apply: a slow disk needs root, FUSE and loop devices")
        if not os.path.exists("/dev/fuse"):
            # A machine without udev has no node for a driver that it has.
            os.mknod("/dev/fuse", stat.S_IFCHR | 0o666, os.makedev(10, 229))
        if find_spec("mfusepy") is None:
            raise SkipTest("a slow disk needs mfusepy (pip) and libfuse3-3 (apt)")
        self._point = point
        self._undo: list[tuple[str, ...]] = []
        self._directory = tempfile.TemporaryDirectory(prefix="ftpserver-slow-disk-")
        base = Path(self._directory.name)
        self._image, self._below, self._delay = base / "image", base / "below", base / "delay"
        self._below.mkdir()
        self.set_delay(0)
        with self._image.open("wb") as image:
            image.truncate(SIZE)
        self._program: subprocess.Popen[bytes] | None = None
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def set_delay(self, seconds: float) -> None:
        """Let each read and write of the device take so long from now on."""
        # In one step: the device reads it all the time.
        new = self._delay.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._delay)

    def _make(self) -> None:
        self._run("mkfs.ext4", "-q", "-F", str(self._image))
        command = [sys.executable, str(PROGRAM), str(self._image), str(self._below), str(self._delay)]
        with (self._image.with_name("output")).open("wb") as output:
            self._program = subprocess.Popen(command, stdout=output, stderr=output)
        with open("/proc/self/mountinfo") as mounts:
            changes = select.poll()
            changes.register(mounts, select.POLLPRI)
            while not os.path.ismount(self._below):
                if self._program.poll() is not None:
                    said = self._image.with_name("output").read_text()[-200:]
                    raise SkipTest(f"does not apply: FUSE does not work here: {said}")
                changes.poll(100)
        self._undo.append(("umount", str(self._below)))
        self._loop = self._run("losetup", "--find", "--show", str(self._below / "image"))
        self._undo.append(("losetup", "--detach", self._loop))

    @staticmethod
    def _run(*command: str) -> str:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except FileNotFoundError:
            raise SkipTest(f"a slow disk needs {command[0]}") from None
        except subprocess.CalledProcessError as error:
            raise SkipTest(f"does not apply: {command[0]} does not work here: {error.stderr}") from error
        return done.stdout.strip()

    def mount(self) -> None:
        """Mount it, with nothing of it in memory."""
        self._run("mount", "-o", "noatime", self._loop, str(self._point))
        self._undo.append(("umount", str(self._point)))

    def forget(self) -> None:
        """Write everything to the device, and keep nothing of it in memory."""
        self._run(*self._undo.pop())
        self.mount()

    def close(self) -> None:
        """Undo everything."""
        self.set_delay(0)
        while self._undo:
            subprocess.run(self._undo.pop(), check=True)
        if self._program is not None:
            self._program.terminate()
            self._program.wait()
        self._directory.cleanup()


@contextmanager
def waiting_for_disks(thread: threading.Thread) -> Iterator[list[float]]:
    """
    Look how long *thread* waits for disks in the ``with`` block.

    :returns: the seconds of each wait, once the block has ended.
    """
    waits: list[float] = []
    command = [sys.executable, str(WATCHER), str(os.getpid()), str(thread.native_id)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        watcher.stdout.readline()
        try:
            yield waits
        finally:
            waits += [float(line) for line in watcher.communicate()[0].splitlines()]
