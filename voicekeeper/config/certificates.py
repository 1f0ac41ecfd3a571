"""Certificates that an account trusts beside the machine's own: a PEM file, read once to see that it can be used."""

from pathlib import Path

from pydantic import ValidationInfo

from voicekeeper.config.secrets import Environment, environment

_LARGEST = 2**20


def read_certificates(text: object, info: ValidationInfo) -> str:
    """Return the file's whole path; a relative one starts at the configuration's folder, as that of a secret does.

    Raises ValueError for what holds no certificate; commands that only look at the registry do not insist.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError('write the path of a PEM file, like "ca.pem"')
    where: Environment = info.context or environment(Path(), required=True)
    try:
        path = where.folder / Path(text).expanduser()
        _require_certificates(path)
    except (OSError, ValueError, RuntimeError) as error:  # the last is what "~nobody" ends in
        if where.required:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ValueError(f"the certificates cannot be read: {reason}") from error
        return text
    return str(path)


def _require_certificates(path: Path) -> None:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("longer than a megabyte: is this the right file?")
    import ssl  # noqa: PLC0415 - most configurations name no such file and need not pay for the import

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("there is no certificate in it that begins with -----BEGIN CERTIFICATE-----") from error
