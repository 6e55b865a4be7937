"""A certificate authority for one test, and what it signs."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bijou.ports import SystemClock

DAY = timedelta(days=1)


class Shown(NamedTuple):
    """Files of a server's certificate, of its key, and of the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path

    def trust(self) -> ssl.SSLContext:
        """Return what believes this authority and no other."""
        return ssl.create_default_context(cafile=self.authority)


def certified(folder: Path, *names: str) -> Shown:
    """Write a certificate for names and addresses, valid for a day, by an authority of its own."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _name("an authority of tests"), _name(names[0])
    own = _certificate(issuer, issuer, authority, authority, x509.BasicConstraints(ca=True, path_length=0))
    shown = x509.SubjectAlternativeName([_general(name) for name in names])
    signed = _certificate(issuer, subject, authority, key, shown)
    files = Shown(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    pem = serialization.Encoding.PEM
    files.authority.write_bytes(own.public_bytes(pem))
    files.certificate.write_bytes(signed.public_bytes(pem) + own.public_bytes(pem))
    files.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _certificate(
    issuer: x509.Name,
    subject: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    extension: x509.BasicConstraints | x509.SubjectAlternativeName,
) -> x509.Certificate:
    now = datetime.fromtimestamp(SystemClock().now() / 1e6, UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(signer, hashes.SHA256())
    )


def _name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
