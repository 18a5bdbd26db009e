# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests of ftpserver.core.limits.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpserver.core.limits import AvailableConnections, KeyedConnections


class AvailableConnectionsTests(SynchronousTestCase):
    """A number of places."""

    def test_places_are_taken_and_given_back(self) -> None:
        """The last place locks the counter, and giving it back opens it."""
        places = AvailableConnections(2)
        places.acquire()
        self.assertIs(places.locked(), False)
        places.acquire()
        self.assertIs(places.locked(), True)
        places.release()
        self.assertIs(places.locked(), False)

    def test_bounds_are_not_crossed(self) -> None:
        """One too many is an error both ways, and changes nothing."""
        places = AvailableConnections(1)
        self.assertRaises(ValueError, places.release)
        places.acquire()
        self.assertRaises(ValueError, places.acquire)
        self.assertEqual(places.taken, 1)
        places.release()
        self.assertRaises(ValueError, places.release)
        self.assertEqual(places.taken, 0)

    def test_none_is_without_a_bound(self) -> None:
        """Without a number there is always a place; giving back more than was taken is still an error."""
        places = AvailableConnections()
        for _ in range(1000):
            places.acquire()
        self.assertIs(places.locked(), False)
        for _ in range(1000):
            places.release()
        self.assertRaises(ValueError, places.release)

    def test_nobody_is_let_in(self) -> None:
        """Zero places are locked from the start."""
        self.assertIs(AvailableConnections(0).locked(), True)
        self.assertRaises(ValueError, AvailableConnections(0).acquire)

    def test_a_negative_number(self) -> None:
        """A negative number of places is an error."""
        self.assertRaises(ValueError, AvailableConnections, -1)

    def test_as_a_context_manager(self) -> None:
        """A with block has a place for as long as it lasts, whatever ends it."""
        places = AvailableConnections(1)
        with places as entered:
            self.assertIs(entered, places)
            self.assertEqual(places.taken, 1)
        self.assertEqual(places.taken, 0)
        with self.assertRaises(KeyError), places:
            raise KeyError
        self.assertEqual(places.taken, 0)

    @given(st.none() | st.integers(0, 3), st.lists(st.booleans()))
    def test_the_count_never_leaves_its_bounds(self, value: int | None, steps: list[bool]) -> None:
        """Whatever is asked in whatever order, the count is between zero and the bound."""
        places, expected = AvailableConnections(value), 0
        for acquire in steps:
            refused = expected == value if acquire else expected == 0
            step = places.acquire if acquire else places.release
            if refused:
                self.assertRaises(ValueError, step)
            else:
                step()
                expected += 1 if acquire else -1
            self.assertEqual(places.taken, expected)
            self.assertIs(places.locked(), expected == value)


class KeyedConnectionsTests(SynchronousTestCase):
    """A counter for each key."""

    def test_keys_do_not_share_places(self) -> None:
        """Each key has the whole number of places."""
        places = KeyedConnections(1)
        places.acquire("a")
        self.assertIs(places.locked("a"), True)
        self.assertIs(places.locked("b"), False)
        self.assertRaises(ValueError, places.acquire, "a")
        places.acquire("b")
        self.assertEqual((places.taken("a"), places.taken("b"), places.taken("c")), (1, 1, 0))

    def test_a_bound_of_its_own(self) -> None:
        """A call may name another bound for its key."""
        places = KeyedConnections()
        self.assertIs(places.locked("a"), False)
        places.acquire("a", 1)
        self.assertIs(places.locked("a", 1), True)
        self.assertIs(places.locked("a", 2), False)
        self.assertRaises(ValueError, places.acquire, "a", 1)
        self.assertEqual(places.taken("a"), 1)

    def test_giving_back_what_was_not_taken(self) -> None:
        """Giving back too much is an error and changes nothing."""
        places = KeyedConnections(2)
        self.assertRaises(ValueError, places.release, "a")
        places.acquire("b")
        self.assertRaises(ValueError, places.release, "a")
        self.assertEqual(places.taken("b"), 1)

    def test_keys_are_forgotten(self) -> None:
        """A key without places takes no memory."""
        places = KeyedConnections(2)
        places.acquire("a")
        places.acquire("a")
        places.acquire(None)
        self.assertEqual(len(places), 2)
        places.release("a")
        self.assertEqual(len(places), 2)
        places.release("a")
        places.release(None)
        self.assertEqual(len(places), 0)
