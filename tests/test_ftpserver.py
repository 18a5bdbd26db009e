# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the public face.
"""

from __future__ import annotations

import importlib
import types

from twisted.trial.unittest import SynchronousTestCase

#: What programs may import from.
PUBLIC_MODULES = ("ftpserver", "ftpserver.interfaces", "ftpserver.errors", "ftpserver.testing")


class PublicFaceTests(SynchronousTestCase):
    """What programs may rely on."""

    def test_every_public_name_is_there(self) -> None:
        """Each name that a public module lists can be imported, and is listed once, in order."""
        for name in PUBLIC_MODULES:
            module = importlib.import_module(name)
            self.assertEqual([one for one in module.__all__ if not hasattr(module, one)], [], name)
            self.assertEqual(sorted(set(module.__all__), key=str), sorted(module.__all__, key=str), name)

    def test_nothing_else_is_public(self) -> None:
        """What a public package holds besides is modules and private names."""
        for name in ("ftpserver", "ftpserver.testing"):
            module = importlib.import_module(name)
            others = {
                one
                for one, value in vars(module).items()
                if not one.startswith("_") and not isinstance(value, types.ModuleType) and one != "annotations"
            }
            self.assertEqual(others, set(module.__all__), name)

    def test_public_things_are_documented(self) -> None:
        """Each class and function of the public face says what it is for."""
        for name in PUBLIC_MODULES:
            module = importlib.import_module(name)
            self.assertTrue((module.__doc__ or "").strip(), name)
            for one in module.__all__:
                value = getattr(module, one)
                if isinstance(value, type | types.FunctionType):
                    self.assertTrue((value.__doc__ or "").strip(), f"{name}.{one}")
