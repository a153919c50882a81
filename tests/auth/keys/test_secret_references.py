"""Names of secrets, which are no secrets."""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from collections.abc import Callable

import pytest
from flask import Flask

from auth import ResourceServer
from auth.errors import ConfigurationError
from auth.keys.secret_references import is_reference

REFERENCES = [
    # Paths: what Docker, Kubernetes and systemd mount.
    "/run/secrets/tasks_signing_secret",
    "/run/secrets/signingsecretofthetasksapi",
    "/var/run/secrets/tasks/jwt-signing-secret",
    "/mnt/secrets-store/tasks/production/signing",
    "/Users/Shared/Tasks/signing_secret",
    "/etc/tasks.secret",
    "./secrets/production/signing_secret",
    "../config/production/signing_secret.key",
    "~/.config/tasks/signing_secret",
    "config/production/signing.secret",
    "C:\\secrets\\production\\signing_secret.txt",
    "C:\\Program Files\\Tasks\\signing secret",
    "D:/secrets/production/signing-secret",
    "\\\\files.corp\\secrets\\tasks\\signing",
    "/aws/reference/secretsmanager/tasks/signing",
    # URLs.
    "file:///run/secrets/tasks_signing_secret",
    "https://vault.tasks.dev/v1/secret/data/tasks",
    "op://production/tasks/signing-secret",
    "ref+vault://secret/prod/tasks#/signing_secret",
    "awssm://eu-west-1/prod/tasks/signing",
    "sm://tasks-production/signing-secret",
    "gcp-secret://tasks-production/signing",
    "keepass://Tasks/Production/Signing?field=password",
    # Names of cloud secrets.
    "@Microsoft.KeyVault(SecretUri=https://tasks.vault.azure.net/secrets/signing/)",
    "@Microsoft.KeyVault(VaultName=tasks;SecretName=signing)",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tasks-AbCdEf",
    "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/prod/tasks",
    "projects/tasks-production/secrets/signing/versions/latest",
    "vault:secret/data/prod/tasks#signing_secret",
    "ssm:/prod/tasks/signing-secret-of-the-api",
    "secretref:tasks-signing-secret-production",
    # Templates.
    "${TASKS_SIGNING_SECRET_FROM_VAULT_PROD}",
    "${TASKS_SIGNING_SECRET:?must be set in the shell}",
    "${{ secrets.TASKS_SIGNING_SECRET }}",
    "$TASKS_SIGNING_SECRET_OF_PRODUCTION",
    "$env:TASKS_SIGNING_SECRET_OF_PRODUCTION",
    "$(cat /run/secrets/tasks_signing_secret)",
    "$(TASKS_SIGNING_SECRET_OF_PRODUCTION)",
    "$(< /run/secrets/tasks_signing_secret)",
    "$[variables.tasks_signing_secret_prod]",
    "{{ .Values.tasks.signingSecret }}",
    "{{ lookup('env', 'TASKS_SIGNING_SECRET') }}",
    "{{resolve:secretsmanager:tasks:SecretString:signing}}",
    "<%= ENV['TASKS_SIGNING_SECRET_PROD'] %>",
    "#{Tasks.Signing.Secret.Of.Production}#",
    "%TASKS_SIGNING_SECRET_OF_PRODUCTION%",
    "%{TASKS_SIGNING_SECRET_OF_PRODUCTION}",
    "((tasks/production/signing-secret))",
    "@@TASKS_SIGNING_SECRET_PRODUCTION@@",
    "__TASKS_SIGNING_SECRET_PRODUCTION__",
    "<the signing secret of the tasks api>",
    # Encrypted forms.
    "ENC[AES256_GCM,data:pZ1k,iv:3bW9,tag:q0Xd,type:str]",
    "{cipher}AQBW2n7Qx0sTz9uKc4hL1mVf8yRg",
    "$ANSIBLE_VAULT;1.1;AES256 6162636465",
    "encrypted:BE9Yk2Xv0qTz7uKc4hL1mVf8yRgPs3",
    "!vault | $ANSIBLE_VAULT;1.1;AES256 6162636465",
]


@pytest.mark.parametrize("text", REFERENCES)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
def test_the_name_of_a_secret_is_known_for_what_it_is(text: str, as_bytes: bool) -> None:
    """It stands in files that many people read."""
    assert is_reference(text.encode() if as_bytes else text)
    assert is_reference(f" {text}\n")


@pytest.mark.parametrize("text", REFERENCES)
def test_a_service_does_not_start_with_the_name_of_a_secret(text: str) -> None:
    """The platform that should have put the value there has not."""
    app = Flask("tasks")
    app.config.update(AUTH_SECRET=text, AUTH_ISSUER="https://auth.tasks.dev", AUTH_AUDIENCE="https://api.tasks.dev")

    with pytest.raises(ConfigurationError) as refused:
        ResourceServer(app)

    assert "AUTH_SECRET holds a reference to a secret" in str(refused.value)
    assert text not in str(refused.value)


PRINTABLE = string.ascii_letters + string.digits + string.punctuation


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


GENERATORS: dict[str, Callable[[], str]] = {
    "openssl rand -base64 32": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "openssl rand -base64 48": lambda: base64.b64encode(secrets.token_bytes(48)).decode(),
    "openssl rand -hex 32": lambda: secrets.token_bytes(32).hex(),
    "secrets.token_urlsafe": lambda: secrets.token_urlsafe(48),
    "secrets.token_hex": lambda: secrets.token_hex(32),
    # Better Auth's own: letters and digits.
    "Better Auth": lambda: _random(string.ascii_letters + string.digits, 32),
    "uuid": lambda: str(uuid.uuid4()),
    "two uuids": lambda: f"{uuid.uuid4()}{uuid.uuid4()}",
    "Laravel": lambda: "base64:" + base64.b64encode(secrets.token_bytes(32)).decode(),
    "Django": lambda: _random("abcdefghijklmnopqrstuvwxyz0123456789!@#$%^&*(-_=+)", 50),
    "printable, 32": lambda: _random(PRINTABLE, 32),
    "printable, 64": lambda: _random(PRINTABLE, 64),
    "bytes as text": lambda: secrets.token_bytes(32).decode("latin-1"),
}


@pytest.mark.parametrize("generate", GENERATORS.values(), ids=GENERATORS)
def test_no_secret_of_a_generator_looks_like_the_name_of_one(generate: Callable[[], str]) -> None:
    """A refusal of a random secret would stop a service that is right."""
    assert [secret for secret in (generate() for _ in range(3000)) if is_reference(secret)] == []


@pytest.mark.parametrize(
    "secret",
    [
        "/9j4AAQSkZJRgABAQEAYABgAAD2wBDAAIBAQIBAQICAgIC",
        "/8Kq/3vN0pQ7/xT2/mB9aL5cR1dW6yE4fU8gH0iJkZlSoXn",
        "Zq${9x}(kT//vL:2#mW8@pR4!nB6*cD0%fG",
        "file of my 3 cats: Qx7Lm2Vt9Rz4Kp8Nw",
        "$2b$12$Qx7Lm2Vt9Rz4Kp8Nw3Jd6Hs1Fy5Gb0",
        "a:3Jd6Hs1Fy5Gb0TcQx7Lm2Vt9Rz4Kp8Nw",
        "base64://3Jd6Hs1Fy5Gb0TcQx7Lm2Vt9Rz4Kp8Nw=",
    ],
    ids=[
        "base64 with a slash",
        "base64 with slashes",
        "signs in the middle",
        "words",
        "digits after $",
        "a colon",
        "Laravel",
    ],
)
def test_signs_of_a_reference_inside_a_secret_do_no_harm(secret: str) -> None:
    """Only a text that is a reference from its first to its last sign is one."""
    assert not is_reference(secret)
