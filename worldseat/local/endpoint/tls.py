"""The local certificate authority, the endpoints' certificates, and the names clients ask for."""

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = "root.pem"
ALPN = "postgresql"

_YEARS = timedelta(days=3650)


def make_authority(directory: Path) -> None:
    """Make the authority's key and self-signed root in `directory`, unless they are there."""
    if (directory / ROOT).exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("WorldSeat local authority")
    root = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(directory / "root.key", key)
    (directory / ROOT).write_bytes(root.public_bytes(serialization.Encoding.PEM))


def make_certificate(directory: Path, host: str) -> Path:
    """Make a certificate for `host`, signed by the authority, unless it is there; return its file.

    The file holds the key too.
    """
    file = directory / f"{host}.pem"
    if file.exists():
        return file
    root = x509.load_pem_x509_certificate((directory / ROOT).read_bytes())
    signer = serialization.load_pem_private_key((directory / "root.key").read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{directory / 'root.key'} is not the key that was made here")
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _builder(_name(host), root.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            # Python 3.13 trusts no certificate that does not name its issuer's key.
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    new = file.with_suffix(f".{os.getpid()}")
    _write_key(new, key)
    with new.open("ab") as out:
        out.write(certificate.public_bytes(serialization.Encoding.PEM))
    new.replace(file)
    return file


def server_context(certificate: Path) -> ssl.SSLContext:
    """Return the context of an endpoint; each connection notes the name its client asked for.

    A missing or wrong name is not refused here: a failed handshake would tell the user nothing,
    and the session says in PostgreSQL's words what was wrong.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate)
    context.set_alpn_protocols([ALPN])
    context.sni_callback = _note_name
    return context


def asked_name(connection: ssl.SSLObject | None) -> str | None:
    """Return the name that the client sent with SNI, None if it sent none."""
    name: str | None = getattr(connection, "worldseat_asked_name", None)
    return name


def _note_name(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
    # The ssl module has no way to read the name later.
    connection.worldseat_asked_name = name  # type: ignore[attr-defined]


def _name(common_name: str) -> x509.Name:
    # A common name ends at 64 characters; what is checked is the alternative name.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
