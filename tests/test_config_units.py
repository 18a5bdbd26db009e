# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for how sizes, times, ports and masks are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpserver.config import units


class UnitsTestCase(SynchronousTestCase):
    """What the tests of all units need."""

    def refuses(self, read: Callable[[object], Any], wrong: Iterable[object]) -> None:
        """Assert that each of *wrong* is refused."""
        self.assertEqual([value for value in wrong if self.takes(read, value)], [])

    def takes(self, read: Callable[[object], Any], value: object) -> bool:
        """Tell whether *read* takes *value*."""
        try:
            read(value)
        except ValueError:
            return False
        return True


class DurationTests(UnitsTestCase):
    """Tests for times."""

    def test_numbers_are_seconds(self) -> None:
        """A time without a unit is in seconds."""
        self.assertEqual([units.duration(value) for value in (0, 300, 1.5, "90")], [0, 300, 1.5, 90])

    def test_units(self) -> None:
        """Seconds, minutes, hours and days have a letter each."""
        written = ("90s", "15m", "2h", "1d", "1.5h", "3 S")
        self.assertEqual([units.duration(value) for value in written], [90, 900, 7200, 86400, 5400, 3])

    def test_what_is_no_time(self) -> None:
        """Signs, unknown units, other kinds of values and what never ends are refused."""
        self.refuses(
            units.duration,
            ["", "soon", "-1", -1, "+1s", "1e3", "1w", "s", True, None, [1], float("inf"), float("nan"), "1s "],
        )


class SizeTests(UnitsTestCase):
    """Tests for sizes and rates."""

    def test_numbers_are_octets(self) -> None:
        """A size without a unit is in octets."""
        self.assertEqual([units.size(value) for value in (1, 8192, "512")], [1, 8192, 512])

    def test_powers_of_a_thousand(self) -> None:
        """The letters k, M, G and T stand for powers of 1,000."""
        written = ("500k", "500K", "10M", "1G", "2T", "1.5M")
        expected = [500_000, 500_000, 10**7, 10**9, 2 * 10**12, 1_500_000]
        self.assertEqual([units.size(value) for value in written], expected)

    def test_powers_of_1024(self) -> None:
        """KiB, MiB, GiB and TiB stand for powers of 1,024."""
        written = ("1KiB", "4MiB", "1GiB", "1 TiB")
        self.assertEqual([units.size(value) for value in written], [1024, 4 * 1024**2, 1024**3, 1024**4])

    def test_sizes_are_exact(self) -> None:
        """A large whole number loses no octet."""
        self.assertEqual(units.size("9223372036854775807"), 2**63 - 1)

    def test_what_is_no_size(self) -> None:
        """Zero, signs, fractions without a unit, unknown units and what no file can have are refused."""
        self.refuses(units.size, [0, -1, 1.5, "", "0.1", "much", "1X", "1kB", True, None, 2**63, "9999999T"])


class PortsTests(UnitsTestCase):
    """Tests for ports."""

    def test_ranges_and_lists(self) -> None:
        """Ports are a range, several of them, one number, or a list."""
        table = [
            ("20000-20002", (20000, 20001, 20002)),
            ("20000-20001,21000", (20000, 20001, 21000)),
            (" 20000 - 20001 , 21000 ", (20000, 20001, 21000)),
            ("1", (1,)),
            (65535, (65535,)),
            ([21000, 20000, "20001-20002", 20000], (20000, 20001, 20002, 21000)),
        ]
        for written, expected in table:
            self.assertEqual(units.ports(written), expected, repr(written))

    def test_what_are_no_ports(self) -> None:
        """Nothing at all, other numbers, backward ranges and other kinds of values are refused."""
        self.refuses(
            units.ports, ["", [], 0, 65536, "20002-20000", "1-", "a-b", "1-2-3", True, None, 1.0, [True], "1,,2"]
        )


class MaskTests(UnitsTestCase):
    """Tests for the file creation mask."""

    def test_octal_digits(self) -> None:
        """A mask is octal, with or without a prefix."""
        self.assertEqual([units.mask(value) for value in ("022", "0o077", "7", "0000")], [0o022, 0o077, 7, 0])

    def test_what_is_no_mask(self) -> None:
        """Other digits, too many bits, and numbers without quotes, which TOML reads as decimal, are refused."""
        self.refuses(units.mask, [22, 0o22, "8", "1777", "", "rwx", None, True])
