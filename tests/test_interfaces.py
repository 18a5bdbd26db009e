# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for what a backend provides and what the server promises it.
"""

from __future__ import annotations

import inspect
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass, Method
from zope.interface.verify import verifyClass

from ftpserver import AbstractUserManager, MemoryPathIO, MemoryUserManager, PathIO, interfaces
from ftpserver.control.storage import Storage, StoredFile
from ftpserver.observers.publisher import Publisher
from ftpserver.pathio.memory import MemoryFile


def all_interfaces() -> list[Any]:
    """Return every interface of the module."""
    values = vars(interfaces).values()
    return [one for one in values if isinstance(one, InterfaceClass) and one.__module__ == interfaces.__name__]


class InterfaceTests(SynchronousTestCase):
    """The interfaces themselves."""

    def test_everything_is_documented(self) -> None:
        """Each interface and each of its methods and attributes says what it is for."""
        for interface in all_interfaces():
            self.assertTrue(interface.getDoc().strip(), interface.__name__)
            for name in interface.names():
                self.assertTrue(interface[name].getDoc().strip(), f"{interface.__name__}.{name}")

    def test_every_interface_is_exported(self) -> None:
        """What stands in the module can be imported from it by name."""
        names = {one.__name__ for one in all_interfaces()}
        self.assertEqual(names, {name for name in interfaces.__all__ if name.startswith("I")})

    def test_signatures_have_no_self(self) -> None:
        """Methods are written as a caller calls them."""
        for interface in all_interfaces():
            for name in interface.names():
                if isinstance(interface[name], Method):
                    self.assertNotIn("self", interface[name].positional, f"{interface.__name__}.{name}")


class ImplementationTests(SynchronousTestCase):
    """What the project brings along provides what it says."""

    def test_the_methods_are_those_of_the_interfaces(self) -> None:
        """Each class has the methods of its interface with the same arguments."""
        for interface, implementation in (
            (interfaces.IPathIO, MemoryPathIO),
            (interfaces.IBatchListing, MemoryPathIO),
            (interfaces.IPathIO, PathIO),
            (interfaces.IPathIO, Storage),
            (interfaces.IBatchListing, Storage),
            (interfaces.IFile, MemoryFile),
            (interfaces.IFile, StoredFile),
            (interfaces.IUserManager, AbstractUserManager),
            (interfaces.IUserManager, MemoryUserManager),
            (interfaces.IRefusesSlowly, MemoryUserManager),
        ):
            self.assertTrue(verifyClass(interface, implementation), implementation)

    def test_answers_of_a_user_manager(self) -> None:
        """A manager answers with one of three, which its base class has at hand."""
        self.assertEqual([one.name for one in interfaces.GetUserResponse], ["OK", "PASSWORD_REQUIRED", "ERROR"])
        self.assertIs(AbstractUserManager.GetUserResponse, interfaces.GetUserResponse)

    def test_an_observer_is_called_with_an_event(self) -> None:
        """Whatever can be called with one argument may observe."""
        self.assertEqual(interfaces.IObserver["__call__"].positional, ("event",))
        self.assertIn("observer", inspect.signature(Publisher.add).parameters)
