"""Certificates of servers of the tests' own, for a day."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


def certify(host: str, file: Path, key_file: Path, *, expired: bool = False) -> None:
    """Write the certificate of a host, a name or an address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)
    try:
        subject: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        subject = x509.DNSName(host)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=-1 if expired else 1))
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def certificate(folder: Path, *, host: str = "127.0.0.1", expired: bool = False) -> tuple[ssl.SSLContext, Path]:
    """Return the TLS of a server and the file in which its certificate stands."""
    file, key_file = folder / "certificate.pem", folder / "key.pem"
    certify(host, file, key_file, expired=expired)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return context, file


def certificate_of_an_authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return the TLS of a server, and the file of the authority that signed its certificate.

    Like those of many companies, the certificate has no Authority Key Identifier, as RFC 5280 §4.2.1.1 demands it.
    """
    authority, signing_key = folder / "authority.pem", folder / "authority.key"
    certify("authority.example", authority, signing_key)
    signer = load_pem_private_key(signing_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key, above = ec.generate_private_key(ec.SECP256R1()), x509.load_pem_x509_certificate(authority.read_bytes())
    made = (
        x509.CertificateBuilder(above.subject, x509.Name([]), key.public_key(), x509.random_serial_number())
        .not_valid_before(above.not_valid_before_utc)
        .not_valid_after(above.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(signer, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, authority


def strict_verification_error(tls: ssl.SSLContext, authority: Path) -> ssl.SSLCertVerificationError:
    """Return why a client refuses ``localhost`` under the rules that Python has by default since 3.13."""
    client = ssl.create_default_context(cafile=str(authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    theirs = tls.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    try:
        ours.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error
    raise AssertionError("The certificate is good.")
