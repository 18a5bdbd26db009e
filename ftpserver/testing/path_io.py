# -*- test-case-name: tests.test_path_io_contract -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
What every store of files must do, as tests that the author of one inherits.
"""

from __future__ import annotations

from .path_io_files import FileTests
from .path_io_links import LinkTests
from .path_io_names import NameTests

__all__ = ["PathIOContract"]


class PathIOContract(NameTests, FileTests, LinkTests):
    """
    Tests of everything that :class:`~ftpserver.interfaces.IPathIO` and the files that it opens promise; a mixin.

    .. code-block:: python

        from ftpserver.testing import PathIOContract
        from twisted.trial.unittest import TestCase

        class MyStoreTests(PathIOContract, TestCase):
            atomic = False  # uploads are written in place

            def setUp(self):
                self.files = MyFiles()

            def make_path_io(self):
                return MyPathIO(self.files)

    The methods of the store may be coroutines or return Deferreds. What a store cannot do is said in the attributes,
    and the tests of that are skipped; powers such as :class:`~ftpserver.interfaces.IBatchListing` are tested where the
    store, or its files, provide them. A store with links or FIFOs says how to make them: ``make_link``,
    ``make_outside``, ``read_outside``, ``make_fifo``.

    Every answer must come within ``patience`` seconds, so a store that never answers fails instead of hanging.
    """
