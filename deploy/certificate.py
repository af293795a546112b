"""``python -m deploy.certificate HOST``: a certificate of one's own, for a first trial behind TLS.

Nobody trusts it by itself: providers refuse it, browsers warn. Whoever tries the way through it names it as the authority
(``curl --cacert``, ``manage.py smoke --ca``). For service get one from a public authority.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE, KEY = "fullchain.pem", "privkey.pem"
LOCAL = ("localhost", "127.0.0.1", "::1")


def make(hosts: list[str], days: int, now: datetime) -> tuple[bytes, bytes]:
    """Return a certificate for these names and addresses, signed by itself, and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is a little behind takes it too.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # By these a client that trusts the former one as well tells the two apart: they have the same name.
        .add_extension(own, critical=False)
        .add_extension(issuer, critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), plain


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def write(folder: Path, hosts: list[str], days: int) -> tuple[Path, Path]:
    """Write a certificate and its key into a folder; return their paths. Raises FileExistsError: a real one may stand there."""
    paths = folder / CERTIFICATE, folder / KEY
    for path in paths:
        if path.exists():
            raise FileExistsError(f"{path} is there already; move it away first.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path, data, mode in zip(paths, make(hosts, days, datetime.now(UTC)), (0o644, 0o600), strict=True):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    return paths


def main(arguments: list[str]) -> int:
    """Write the two files and print the settings that name them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.certificate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "host", nargs="+", help="the host of APP_BASE_URL, and other names or addresses of this machine"
    )
    parser.add_argument("--folder", type=Path, default=Path("var/tls"), help="where to (default: var/tls)")
    parser.add_argument("--days", type=int, default=30, help="for how long (default: 30)")
    given = parser.parse_args(arguments)
    try:
        certificate, key = write(given.folder, list(dict.fromkeys([*given.host, *LOCAL])), given.days)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"TLS_CERTIFICATE={certificate.absolute()}\nTLS_KEY={key.absolute()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
