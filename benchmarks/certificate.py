"""A certificate for the stand-in for Graph, made anew for each run and trusted by nobody else."""

from __future__ import annotations

import atexit
import ipaddress
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@lru_cache(maxsize=1)
def certificate_file() -> Path:
    """Key and certificate of 127.0.0.1 in one PEM file, on the curve that Meta's own are on; gone with this process.

    A Python that has its folder in PYTHONPATH trusts it, and nobody else: its HTTP libraries ask certifi.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = Path(tempfile.mkdtemp(prefix="peersupport-benchmark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "graph.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(pem))
    trust = f"import certifi\n\ncertifi.where = lambda: {str(file)!r}\n"
    (folder / "sitecustomize.py").write_text(trust, "utf-8")  # loaded by itself
    return file
