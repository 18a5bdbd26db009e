# -*- test-case-name: tests.test_tls_session -*-
# Copyright (c) The ftpserver authors.
# See LICENSE for details.

"""
The TLS of one control connection and its data connections, and who the client is by its certificate.
"""

from __future__ import annotations

import secrets

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..errors import DataNotBound
from .contexts import Contexts
from .layer import TLSLayer

__all__ = ["TLSSession", "identities"]

#: Octets of randomness; no more fit into a session id context of OpenSSL.
BINDING_LENGTH = 32


class TLSSession:
    """
    What a control connection and its data connections share.

    It keeps its contexts, so that a reload changes nothing of a session under way: a data connection shows the
    certificate of its control connection.

    :param contexts: those of the time at which the session was opened.
    :param requires_reuse: whether a data connection must continue the TLS session of the control connection.
    """

    def __init__(self, contexts: Contexts, *, requires_reuse: bool = False) -> None:
        self._contexts = contexts
        self._requires_reuse = requires_reuse
        self._binding = b""
        self._control: TLSLayer | None = None

    def control_layer(self) -> TLSLayer:
        """
        Make the layer for the control connection; once more after TLS has ended (REIN).

        Data connections belong to the layer made last.
        """
        self._binding = secrets.token_bytes(BINDING_LENGTH)
        self._control = self._contexts.layer(self._binding)
        return self._control

    def data_layer(self) -> TLSLayer:
        """Make the layer for a data connection, of which the server is the TLS server in either mode."""
        return self._contexts.layer(self._binding, self._made())

    def check_data(self, layer: TLSLayer) -> None:
        """
        Decide about a data connection whose handshake is done.

        :param layer: what :meth:`data_layer` made.
        :raises DataNotBound: if it does not continue the session, where it must; if the client's certificate is not
            that of the control connection (RFC 4217, section 15.1.2).
        """
        if self._requires_reuse and not layer.was_resumed:
            raise DataNotBound("The data connection must continue the TLS session of the control connection.")
        if layer.peer_certificate != self._made().peer_certificate:
            raise DataNotBound("The data connection must show the certificate of the control connection.")

    def _made(self) -> TLSLayer:
        if self._control is None:
            raise RuntimeError("a data connection comes after the control connection")
        return self._control


def identities(certificate: x509.Certificate) -> tuple[str, ...]:
    """
    Return the names that a certificate gives to its holder, which an account can be found by.

    Those are the DNS names, e-mail addresses and URIs of the subject alternative name, then the common name, as they
    are written; a name with NUL or anything else that cannot be seen is none, and neither is a pattern with ``*``.

    :param certificate: one that was verified.
    """
    try:
        found = [*_alternative_names(certificate), *_common_names(certificate)]
    except ValueError:
        # What cannot be read, or is there twice, names nobody.
        return ()
    return tuple(dict.fromkeys(name for name in found if name and name.isprintable() and "*" not in name))


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    kinds = (x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier)
    return [name for kind in kinds for name in names.get_values_for_type(kind)]


def _common_names(certificate: x509.Certificate) -> list[str]:
    values = (attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return [value for value in values if isinstance(value, str)]
