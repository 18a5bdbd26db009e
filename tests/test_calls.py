# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of :mod:`ftpserver.pathio.calls`: which calls of a store are made in the reactor thread, and which are not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from ftpserver.core.paths import ROOT, resolve
from ftpserver.core.uploads import UploadPolicy
from ftpserver.errors import NoSuchPath, StorageFailure
from ftpserver.pathio import opening
from ftpserver.pathio.confined import CrossesMounts
from ftpserver.pathio.local import PathIO
from ftpserver.pathio.local_file import LocalFile
from ftpserver.pathio.mounts import PROMPT_CALLS, SURELY_SLOW, Mounts, PathCalls
from ftpserver.pathio.roots import Roots
from tests.local_store import FixedTable, LocalStoreTestCase, open_descriptors, trust_everybody


class CountedThreads:
    """
    Threads that make each call at once, and count.

    :ivar calls: how many calls there were.
    """

    def __init__(self) -> None:
        self.calls = 0

    def run(
        self,
        store: object,
        function: Callable[..., Any],
        *arguments: Any,
        dispose: object = None,
        owed: bool = False,
        returned: Callable[[], object] = lambda: None,
    ) -> Deferred[Any]:
        """Make a call."""
        self.calls += 1
        answer: Deferred[Any] = Deferred()
        try:
            answer.callback(function(*arguments))
        except Exception:
            answer.errback()
        returned()
        return answer


class NeverThreads:
    """
    Threads that never come back.

    :ivar answers: of the calls.
    """

    def __init__(self) -> None:
        self.answers: list[Deferred[Any]] = []

    def run(self, *_arguments: object, **_keywords: object) -> Deferred[Any]:
        """Keep a call."""
        self.answers.append(Deferred())
        return self.answers[-1]


class CallsTestCase(LocalStoreTestCase):
    """Tests with a store whose mount a test chooses."""

    def setUp(self) -> None:
        super().setUp()
        self.table = FixedTable()
        self.threads = CountedThreads()
        self.roots = Roots(Mounts(table=self.table))
        (self.root / "directory").mkdir()
        (self.root / "file").write_bytes(b"content")

    def made(self, path: str | None = None, policy: UploadPolicy | None = None, **keywords: Any) -> PathIO:
        """Return a store, closed after the test."""
        threads: Any = self.threads
        keywords.setdefault("trusts", trust_everybody)
        store = PathIO.at(
            path or self.root, threads=threads, system=self.system, roots=self.roots, uploads=policy, **keywords
        )
        self.addCleanup(lambda: self.run_now(store.close()))
        return store

    def proven(self, **keywords: Any) -> PathIO:
        """Return a store on a mount that has earned its place."""
        store = self.made(**keywords)
        root = store._root.get()
        root.mount.is_inline = True
        self.threads.calls = 0
        return store

    def everything(self, store: PathIO) -> int:
        """Make every call of a store; return how many of them were made in threads."""
        file, other, directory = resolve("/directory/new"), resolve("/other"), resolve("/made")
        self.threads.calls = 0
        self.upload("/directory/new", store=store)
        self.upload("/directory/new", mode="ab", store=store)
        in_threads = 0
        for call in (
            lambda: store.stat(file),
            lambda: store.list(ROOT),
            lambda: store.mkdir(directory),
            lambda: store.rmdir(directory),
            lambda: store.set_modified(file, 1.0),
            lambda: store.chmod(file, 0o600),
            lambda: store.rename(file, other),
            lambda: self.listed(store),
            lambda: self.looked_at(store),
            lambda: store.unlink(other),
        ):
            before = self.threads.calls
            self.run_now(call())
            in_threads += self.threads.calls > before
        return in_threads

    async def listed(self, store: PathIO) -> None:
        """List the root in batches."""
        async for _ in await store.scan(ROOT, 5):
            pass

    async def looked_at(self, store: PathIO) -> None:
        """Open a file and ask for its size."""
        async with await store.open(resolve("/file"), "rb") as file:
            self.assertEqual((await file.stat()).st_size, 7)


class WhereTests(CallsTestCase):
    """Calls are made where their mount belongs."""

    def test_a_new_mount_is_asked_in_threads(self) -> None:
        """Every call is, until there were enough of them."""
        store = self.made()
        for _ in range(PROMPT_CALLS):
            self.assertFalse(store._calls.is_inline(stays=True))
            self.run_now(store.stat(ROOT))
        self.assertEqual(self.threads.calls, PROMPT_CALLS)
        self.run_now(store.stat(ROOT))
        self.assertEqual(self.threads.calls, PROMPT_CALLS)
        self.assertTrue(store._calls.is_inline(stays=True))

    def test_calls_that_fail_count_too(self) -> None:
        """Nothing at a path is an answer like any other."""
        store = self.made()
        for _ in range(PROMPT_CALLS):
            self.refused(store.stat(resolve("/missing")), NoSuchPath)
        self.assertTrue(store._calls.is_inline(stays=True))

    def test_no_call_on_a_proven_mount_goes_to_a_thread(self) -> None:
        """Only octets that are written through the store itself do."""
        store = self.proven()
        self.assertEqual(self.everything(store), 0)
        self.assertEqual(self.threads.calls, 2)

    def test_the_next_login_begins_in_the_reactor_thread(self) -> None:
        """What is known of a mount is known of its base path, before it is opened."""
        self.run_now(self.proven().close())
        self.run_now(self.made().stat(ROOT))
        self.assertEqual(self.threads.calls, 0)

    def test_every_call_on_a_mount_that_was_slow_goes_to_a_thread(self) -> None:
        """From then on, for good."""
        store = self.proven()
        store._root.get().mount.was_slow(1.0)
        self.assertEqual(self.everything(store), 10)

    def test_the_choice_can_be_forced(self) -> None:
        """All calls here, or none, whatever the mount; forced calls are made here from the first on."""
        choices: tuple[tuple[PathCalls, int], ...] = (("inline", 0), ("threads", 10))
        for choice, expected in choices:
            self.roots = Roots(Mounts(choice, self.table))
            self.threads.calls = 0
            store = self.made()
            self.run_now(store.stat(ROOT))
            self.assertEqual(self.threads.calls, 0 if choice == "inline" else 1)
            self.assertEqual(self.everything(store), expected, choice)

    def test_the_walk_cannot_tell_and_goes_to_a_thread(self) -> None:
        """Without openat2 nobody knows which mounts are on the way."""
        self.roots = Roots(Mounts(table=self.table), walk=True)
        store = self.proven()
        self.run_now(store.stat(resolve("/file")))
        self.assertEqual(self.threads.calls, 1)
        for _ in range(PROMPT_CALLS):
            self.run_now(store.stat(resolve("/file")))

    def test_without_threads_all_calls_are_made_here(self) -> None:
        """There is no other place."""
        store = self.make_store()
        self.assertTrue(store._calls.is_inline(stays=False))
        self.run_now(store.stat(ROOT))


class OtherMountTests(CallsTestCase):
    """What is mounted below a root is none of the mount of the root."""

    def setUp(self) -> None:
        super().setUp()
        if not os.path.ismount("/proc"):
            raise self.skipTest("there is no procfs at its place")

    def test_a_path_to_another_mount_goes_to_a_thread(self) -> None:
        """Also through links, and for files; and tells nothing of the mount of the root."""
        store = self.proven(path="/")
        for path in ("/proc/version", "/proc", "/proc/sys"):
            before = self.threads.calls
            self.run_now(store.stat(resolve(path)))
            self.assertEqual(self.threads.calls, before + 1, path)
        before = self.threads.calls
        file = self.run_now(store.open(resolve("/proc/version"), "rb"))
        self.assertTrue(file.may_block)
        self.run_now(file.stat())
        self.run_now(file.close())
        # The first stat values of a file that is read are those of its opening.
        self.assertEqual(self.threads.calls, before + 2)

    def test_a_link_to_another_mount_goes_to_a_thread(self) -> None:
        """The link may be on the mount of the root; links that stay there are followed in the reactor thread."""
        store = self.proven(path="/")
        (self.root / "out").symlink_to("/proc/version")
        (self.root / "in").symlink_to("file")
        self.run_now(store.stat(resolve(self.root / "in")))
        self.assertEqual(self.threads.calls, 0)
        self.run_now(store.stat(resolve(self.root / "out")))
        self.assertEqual(self.threads.calls, 2)

    def test_another_mount_proves_nothing(self) -> None:
        """Neither that the mount of the root is prompt, nor that it is slow."""
        store = self.made(path="/")
        for _ in range(PROMPT_CALLS):
            self.run_now(store.stat(resolve("/proc")))
        self.assertFalse(store._calls.is_inline(stays=True))
        for _ in range(PROMPT_CALLS):
            self.run_now(store.stat(ROOT))
        self.assertTrue(store._calls.is_inline(stays=True))

    def test_a_mount_that_comes_between_two_looks_is_not_entered(self) -> None:
        """A file is replaced where it was found, and by nobody who waits for another mount."""
        store = self.proven()
        (self.root / "link").symlink_to("file")

        def elsewhere(*_: object, **__: object) -> None:
            raise CrossesMounts

        self.patch(opening, "find_beside", elsewhere)
        before = open_descriptors()
        self.refused(store.open(resolve("/link"), "wb"), NoSuchPath)
        self.assertEqual(open_descriptors(), before)


class FileTests(CallsTestCase):
    """Calls of open files."""

    def opened(self, store: PathIO, mode: Any = "rb") -> LocalFile:
        """Return an open file."""
        return self.run_now(store.open(resolve("/file"), mode))

    def test_a_file_may_block_where_its_mount_may(self) -> None:
        """Whoever moves its octets asks before each turn."""
        store = self.proven()
        file = self.opened(store)
        self.assertFalse(file.may_block)
        store._root.get().mount.was_slow(1.0)
        self.assertTrue(file.may_block)
        self.run_now(file.close())
        self.assertEqual(self.threads.calls, 1)

    def test_a_slow_turn_sends_the_file_to_the_threads(self) -> None:
        """This one only, unless it was slow for sure."""
        store = self.proven()
        one, other = self.opened(store), self.opened(store)
        one.took(0.019)
        self.assertFalse(one.may_block)
        one.took(0.02)
        self.assertTrue(one.may_block)
        self.assertFalse(other.may_block)
        one.took(SURELY_SLOW)
        self.assertTrue(other.may_block)
        one.took(SURELY_SLOW)
        for file in (one, other):
            self.run_now(file.close())

    def test_a_function_gets_the_descriptor_in_a_thread(self) -> None:
        """And nothing once the file is closed."""
        file = self.opened(self.proven())
        self.assertEqual(self.run_now(file.run(os.pread, 4, 3)), b"tent")
        self.assertEqual(self.threads.calls, 1)
        self.run_now(file.close())
        self.refused(file.run(os.pread, 4, 3), StorageFailure)

    def test_fsync_is_made_in_a_thread(self) -> None:
        """Wherever the file is; an upload without it ends in the reactor thread."""
        policies = (UploadPolicy(), 0), (UploadPolicy(fsync="file"), 1), (UploadPolicy(fsync="directory"), 1)
        for policy, expected in policies:
            store = self.proven(policy=policy)
            for mode in ("wb", "r+b"):
                file = self.opened(store, mode)
                os.write(file.fileno(), b"new")
                file.advance(3)
                self.threads.calls = 0
                self.run_now(file.close())
                self.assertEqual(self.threads.calls, expected, policy)
            self.run_now(self.opened(store).close())
            self.assertEqual(self.threads.calls, expected, policy)

    def test_the_reactor_thread_does_not_wait_for_a_call_that_was_given_up(self) -> None:
        """It may still have the descriptor: the end of the file waits for it in a thread."""
        for mode in ("rb", "wb"):
            store = self.proven()
            file = self.opened(store, mode)
            waiting: Any = NeverThreads()
            self.patch(store._calls, "_threads", waiting)
            with file._lock:
                ending = ensureDeferred(file.close() if mode == "rb" else file.abort())
                self.assertNoResult(ending)
            self.assertEqual(len(waiting.answers), 1)
            waiting.answers[0].callback(None)
            self.successResultOf(ending)
            file.give_up()
