# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
Tests for the mapping that a connection is.
"""

from __future__ import annotations

from ftpserver import Connection
from ftpserver.control.state import TransferType
from tests.conversation import ConversationTestCase


class FieldsTests(ConversationTestCase):
    """The fields of a connection are attributes and items."""

    def connection(self) -> Connection:
        """Return the connection of a session that is logged in."""
        return self.logged_in().protocol.connection

    def test_each_field_is_an_item(self) -> None:
        """An item is the attribute of that name, whichever way it is set."""
        connection = self.connection()
        self.assertEqual((set(connection), len(connection)), (set(Connection.FIELDS), len(Connection.FIELDS)))
        for name in connection:
            self.assertIs(connection[name], getattr(connection, name), name)
        connection["transfer_type"] = TransferType.IMAGE
        self.assertIs(connection.transfer_type, TransferType.IMAGE)
        connection.transfer_type = TransferType.ASCII
        self.assertIs(connection["transfer_type"], TransferType.ASCII)

    def test_a_misspelt_name_is_an_error(self) -> None:
        """A name that is no field can be neither read nor set, and none can be removed."""
        connection = self.connection()
        self.assertRaises(KeyError, lambda: connection["curent_directory"])
        self.assertRaises(KeyError, connection.__setitem__, "curent_directory", None)
        self.assertRaises(TypeError, connection.__delitem__, "user")
        self.assertNotIn("nosuch", connection)
        self.assertIsNone(connection.get("nosuch"))
