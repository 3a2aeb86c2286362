"""Uses devhost's Key Vault with Azure's own clients, by a managed identity, as an app in Azure does.

    vault.py DEVHOST

Everything it needs to know it takes from what devhost tells when it is ready.
"""

import hashlib
import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HOST = {
    "version": "2.0",
    "customHandler": {"description": {"defaultExecutablePath": "sleep", "arguments": ["600"]}},
}
FUNCTION = {
    "bindings": [
        {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 0 3 * * *"}
    ]
}


def without_port(url: str) -> str:
    """The vault's address at the port of https, which leads to its real one from now on.

    This client compares the challenge's resource with host and port, so a vault at another port could
    have no resource that fits both; and not every resolver knows names below localhost (RFC 6761 §6.3).
    """
    vault = urllib.parse.urlsplit(url)
    ask = socket.getaddrinfo

    def resolve(host, port, *arguments, **more):
        name = host.decode() if isinstance(host, bytes) else host
        if name == vault.hostname:
            return ask("127.0.0.1", vault.port, *arguments, **more)
        return ask(host, port, *arguments, **more)

    socket.getaddrinfo = resolve
    return f"https://{vault.hostname}/"


def answering() -> int:
    """A port that answers in the handler's place, by breaking off."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            listener.accept()[0].close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


def write_app(folder: pathlib.Path, values: dict) -> None:
    HOST["customHandler"]["port"] = str(answering())
    (folder / "host.json").write_text(json.dumps(HOST))
    (folder / "nightly").mkdir()
    (folder / "nightly" / "function.json").write_text(json.dumps(FUNCTION))
    (folder / "local.secrets.json").write_text(json.dumps(values))


def refusal(call, kind) -> tuple[int, str]:
    """The status and the text with which a call is refused."""
    try:
        call()
    except kind as error:
        return error.status_code, str(error)
    raise SystemExit("it was not refused")


def expect(what: str, found, wanted) -> None:
    if found != wanted:
        raise SystemExit(f"{what}: {found!r}, not {wanted!r}")


def check(client: SecretClient, values: dict) -> None:
    for name, value in values.items():
        if isinstance(value, str):
            expect(name, client.get_secret(name).value, value)
    dated = client.get_secret("dated")
    expect("its value", dated.value, values["dated"]["value"])
    expect("its end", int(dated.properties.expires_on.timestamp()), values["dated"]["exp"])
    expect("its content type", dated.properties.content_type, "text/plain")

    status, text = refusal(lambda: client.get_secret("missing"), ResourceNotFoundError)
    expect("a missing secret", (status, "SecretNotFound" in text), (404, True))
    status, text = refusal(lambda: client.get_secret("disabled"), HttpResponseError)
    expect("a disabled secret", (status, "SecretDisabled" in text), (403, True))

    first = client.get_secret("erp-key").properties.version
    set_value = secrets.token_urlsafe()
    client.set_secret("erp-key", set_value)
    expect("a secret that was set", client.get_secret("erp-key").value, set_value)
    expect("its first version", client.get_secret("erp-key", first).value, values["erp-key"])
    versions = {item.version for item in client.list_properties_of_secret_versions("erp-key")}
    latest = client.get_secret("erp-key").properties.version
    expect("its versions", versions, {first, latest})
    listed = {item.name: item.enabled for item in client.list_properties_of_secrets()}
    expect("all secrets", listed, {name: name != "disabled" for name in values})


def add(report: dict, path: str, what: dict) -> None:
    """Puts something into the vault by devhost's own API."""
    request = urllib.request.Request(
        f"{report['url']}/admin/devhost/vault/{path}",
        data=json.dumps(what).encode(),
        headers={"x-functions-key": report["masterKey"]},
        method="PUT",
    )
    urllib.request.urlopen(request).close()


def check_keys(client: KeyClient, credential: ManagedIdentityCredential) -> None:
    digest = hashlib.sha256(b"what is signed").digest()
    for name, algorithms in {
        "rsa": [SignatureAlgorithm.rs256, SignatureAlgorithm.ps256],
        "ec": [SignatureAlgorithm.es256],
    }.items():
        key = CryptographyClient(client.get_key(name), credential)
        for algorithm in algorithms:
            # The vault signs; the client verifies by itself, with the public half.
            signature = key.sign(algorithm, digest).signature
            expect(f"{algorithm} verifies", key.verify(algorithm, digest, signature).is_valid, True)
            other = hashlib.sha256(b"another").digest()
            expect(f"{algorithm} is bound", key.verify(algorithm, other, signature).is_valid, False)
    rsa = CryptographyClient(client.get_key("rsa"), credential)
    for algorithm in [EncryptionAlgorithm.rsa_oaep_256, EncryptionAlgorithm.rsa_oaep]:
        sealed = rsa.encrypt(algorithm, digest).ciphertext
        expect(f"{algorithm} opens", rsa.decrypt(algorithm, sealed).plaintext, digest)


def check_certificate(vault: str, credential: ManagedIdentityCredential) -> None:
    certificate = CertificateClient(vault, credential).get_certificate_version("client", "")
    told = x509.load_der_x509_certificate(bytes(certificate.cer))
    secret = SecretClient(vault, credential).get_secret("client")
    expect("its form", secret.properties.content_type, "application/x-pem-file")
    pem = secret.value.encode()
    expect("its chain begins with it", x509.load_pem_x509_certificates(pem)[0], told)
    private = load_pem_private_key(pem, None)
    expect("its key", private.public_key(), told.public_key())
    names = told.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expect("its names", names.get_values_for_type(x509.DNSName), ["client.localhost"])


def main() -> None:
    values = {f"key-{number:02}": secrets.token_urlsafe() for number in range(30)}
    values["erp-key"] = "ключ \"quoted\" \\ \u0001 " + secrets.token_urlsafe()
    values["dated"] = {
        "value": secrets.token_urlsafe(),
        "exp": 2_000_000_000,
        "contentType": "text/plain",
    }
    values["disabled"] = {"value": secrets.token_urlsafe(), "enabled": False}
    with tempfile.TemporaryDirectory() as folder:
        write_app(pathlib.Path(folder), values)
        devhost = subprocess.Popen(
            [sys.argv[1], folder, "--port", "0", "--json", "--quiet"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            report = json.loads(devhost.stdout.readline())
            os.environ["IDENTITY_ENDPOINT"] = report["identityEndpoint"]
            os.environ["IDENTITY_HEADER"] = report["identityHeader"]
            os.environ["REQUESTS_CA_BUNDLE"] = report["caFile"]
            vault = without_port(report["vault"])
            credential = ManagedIdentityCredential()
            check(SecretClient(vault, credential), values)
            add(report, "keys/rsa", {"kty": "RSA"})
            add(report, "keys/ec", {"kty": "EC"})
            check_keys(KeyClient(vault, credential), credential)
            add(report, "certificates/client", {"names": ["client.localhost"]})
            check_certificate(vault, credential)
            print(f"Azure's clients and the vault agree about {len(values)} secrets, "
                  "2 keys and a certificate.")
        finally:
            devhost.terminate()
            devhost.wait()


main()
