# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the amounts of work.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.amounts import GIB, KIB, MIB, Amounts, parse_size


class SizeTests(SynchronousTestCase):
    """Sizes on the command line."""

    def test_sizes_have_units(self) -> None:
        """Powers of 1,024, or plain bytes."""
        self.assertEqual([parse_size(text) for text in ("7", "4KiB", "16 MiB", "1GiB")], [7, 4 * KIB, 16 * MIB, GIB])

    def test_other_words_are_refused(self) -> None:
        """Nothing is guessed, and nothing is no size."""
        for text in ("", "x", "1GB", "-1", "0", "1.5MiB"):
            self.assertRaises(ValueError, parse_size, text)


class AmountTests(SynchronousTestCase):
    """How much is done."""

    def test_large_files_grow_together(self) -> None:
        """--size sets the size of one, and the others stay in proportion."""
        amounts = Amounts().sized(1 * GIB)
        self.assertEqual((amounts.size, amounts.tls_size, amounts.parallel_size), (GIB, GIB // 2, 40 * MIB))
        self.assertEqual(amounts.files, Amounts().files)

    def test_they_can_be_told(self) -> None:
        """A reader of figures sees what was done for them."""
        self.assertIn("large files of 512 MiB, 256 MiB over TLS; 50 downloads of 20 MiB", Amounts().sentence)
        self.assertIn("1,000 small files of 4 KiB", Amounts().sentence)

    def test_warming_up_does_a_little_of_everything(self) -> None:
        """However small the share is, each kind of work is done."""
        part = Amounts().part(0)
        self.assertEqual((part.size, part.files, part.commands), (64 * KIB, 20, 100))
        self.assertEqual(part.entries, Amounts().entries)

    def test_a_part_is_a_part(self) -> None:
        """Half is half."""
        half = Amounts().part(0.5)
        self.assertEqual((half.size, half.logins), (Amounts().size // 2, Amounts().logins // 2))
