"""Reaching a host: whose certificates are trusted, and what it means, in plain words, that it cannot be reached."""

import socket
import ssl
from collections.abc import Iterator

import httpx

#: OpenSSL's numbers (X509_V_ERR_…) for what is wrong with a certificate, and what would mend it.
_OTHER_NAME = ("is for another name", "correct base_url")
_CERTIFICATE = {
    9: ("is not valid yet", "is this machine's clock right?"),
    10: ("has expired", "tell its owner, or is this machine's clock wrong?"),
    18: ("is self-signed", "where it is your own, name it in ca_file"),
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
_UNKNOWN_ISSUER = ("is signed by nobody that this machine trusts", "where it is your own authority, name it in ca_file")


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Return what checks certificates: the machine's own authorities, and beside them those of a PEM file.

    Raises OSError (ssl.SSLError is one) for a file that cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def reason(error: BaseException) -> str | None:
    """Say what lies at the bottom of a failed connection, with its mend; None for what needs no other words."""
    for cause in _causes(error):
        for kind, words in _WORDS.items():
            if isinstance(cause, kind):
                return words(cause)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came of."""
    while error is not None:
        yield error
        error = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__ or error.__context__


def _certificate(error: BaseException) -> str:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    what, mend = _CERTIFICATE.get(code, _UNKNOWN_ISSUER)
    return f"the server's certificate {what}: {mend}"


def _tls(error: BaseException) -> str:
    said = (error.reason if isinstance(error, ssl.SSLError) else None) or "no reason given"
    return f"no TLS there ({said.lower().replace('_', ' ')}): is it https:// in base_url that should be http://?"


def _proxy(error: BaseException) -> str:
    return f"the proxy answers {error}: check HTTPS_PROXY and NO_PROXY, and the proxy's user and password"


def _no_such_host(error: BaseException) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return f"the host's name cannot be resolved ({said}): check base_url, and this machine's DNS"


def _refused(_error: BaseException) -> str:
    return "the connection is refused: check base_url, and the proxy where HTTPS_PROXY names one"


#: The first that fits: a certificate's error is a TLS error, and both are OSErrors.
_WORDS = {
    ssl.SSLCertVerificationError: _certificate,
    ssl.SSLError: _tls,
    httpx.ProxyError: _proxy,
    socket.gaierror: _no_such_host,
    ConnectionRefusedError: _refused,
}
