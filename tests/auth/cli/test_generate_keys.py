"""``flask auth keygen``: keys that the settings take, and files that nobody else can read."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.cli.generate_keys import generate_keys
from auth.keys import VerificationKey
from auth.keys.algorithms import ASYMMETRIC_ALGORITHMS, HMAC_MIN_BYTES
from auth.keys.key_set import KeySet
from tests.auth.cli.test_wrong_settings import flask


def generated(*options: str) -> Result:
    """Return what the command prints; it needs no app."""
    return CliRunner().invoke(generate_keys, options)


@pytest.mark.parametrize("algorithm", HMAC_MIN_BYTES)
def test_a_secret_is_long_enough_for_its_algorithm(algorithm: str) -> None:
    """It is printed alone, so that a variable can take it; another one each time."""
    secrets = [generated("--algorithm", algorithm).output.strip() for _ in range(2)]

    assert secrets[0] != secrets[1]
    assert all(algorithm in VerificationKey.from_secret(secret).algorithms for secret in secrets)


def test_a_secret_for_programs_has_a_name() -> None:
    """In JSON."""
    data = json.loads(generated("--json").output)

    assert data.keys() == {"algorithm", "secret"}
    assert len(data["secret"]) >= 64


@pytest.mark.parametrize("algorithm", ASYMMETRIC_ALGORITHMS)
def test_a_key_pair_verifies_by_its_pem_and_by_its_key_set(algorithm: str) -> None:
    """Both are the same public key, and the key set names algorithm, use and id."""
    pair = json.loads(generated("--algorithm", algorithm, "--json").output)
    by_pem = VerificationKey.from_pem(pair["public_key"])
    (by_jwk,) = KeySet.from_document(pair["jwks"]).ring.keys

    assert by_jwk.material == by_pem.material
    assert (by_jwk.key_id, by_jwk.algorithms) == (pair["key_id"], frozenset({algorithm}))
    assert pair["jwks"]["keys"][0].keys().isdisjoint({"d", "p", "q"})


def test_the_id_of_a_key_is_its_thumbprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of RFC 8037 appendix A.3."""
    known = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    )
    monkeypatch.setattr("auth.cli.generate_keys.generate_key", lambda _algorithm: known)

    assert json.loads(generated("--algorithm", "EdDSA", "--json").output)["key_id"] == (
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


def test_a_key_pair_is_printed_with_the_private_key_first() -> None:
    """Two keys in PEM, then the key set."""
    lines = generated("--algorithm", "ES256").output.splitlines()

    assert lines[0] == "-----BEGIN PRIVATE KEY-----"
    assert "-----BEGIN PUBLIC KEY-----" in lines
    assert lines[-1] == "}"


def test_files_are_written_and_the_private_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The message says what each is for."""
    old = os.umask(0)
    try:
        result = generated("--algorithm", "ES256", "--out", f"{tmp_path}/dev")
    finally:
        os.umask(old)

    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {
        "dev.pem": 0o600,
        "dev.pub.pem": 0o644,
        "dev.jwks.json": 0o644,
    }
    assert result.output.splitlines() == [
        f"{tmp_path}/dev.pem holds the private key, which signs: flask auth token alice --key {tmp_path}/dev.pem",
        f'{tmp_path}/dev.pub.pem holds the public key: export FLASK_AUTH_PUBLIC_KEY="$(cat {tmp_path}/dev.pub.pem)"',
        f"{tmp_path}/dev.jwks.json holds the JWK Set that an issuer publishes.",
    ]
    VerificationKey.from_pem((tmp_path / "dev.pub.pem").read_text())


def test_programs_are_told_which_files_were_written(tmp_path: Path) -> None:
    """And nothing of what they hold."""
    data = json.loads(generated("--algorithm", "ES256", "--out", f"{tmp_path}/dev", "--json").output)

    assert data.keys() == {"algorithm", "key_id", "files"}
    assert data["files"] == [f"{tmp_path}/dev.{ending}" for ending in ("pem", "pub.pem", "jwks.json")]


def test_a_file_that_is_there_is_never_touched(tmp_path: Path) -> None:
    """Nor is any other written then."""
    (tmp_path / "dev.pub.pem").write_text("mine")

    result = generated("--algorithm", "ES256", "--out", f"{tmp_path}/dev")

    assert result.exit_code == 1
    assert result.output == f"Error: {tmp_path}/dev.pub.pem is there already. Nothing was written.\n"
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_is_not_there_is_named() -> None:
    """Without a traceback."""
    result = generated("--algorithm", "ES256", "--out", "/nowhere/dev")

    assert result.exit_code == 1
    assert result.output == "Error: /nowhere/dev.pem cannot be written: No such file or directory.\n"


@pytest.mark.parametrize("options", [["--out", "dev"], ["--algorithm", "none"]], ids=" ".join)
def test_what_makes_no_sense_is_a_wrong_call(options: list[str]) -> None:
    """A secret is not written to a file, and no key is for ``none``."""
    assert generated(*options).exit_code == 2


@pytest.mark.parametrize("group", ["auth", "resource-server"])
def test_a_service_without_settings_can_make_its_first_secret(group: str, tmp_path: Path) -> None:
    """The app cannot be made before it has one."""
    finished = flask(group, "keygen", "--json", folder=tmp_path)

    assert (finished.returncode, finished.stderr) == (0, "")
    assert "secret" in json.loads(finished.stdout)


def test_a_wrong_call_is_told_so_without_settings_too(tmp_path: Path) -> None:
    """The name of the command counts, not an option's value that looks like a group."""
    finished = flask("auth", "keygen", "--out", "auth", folder=tmp_path)

    assert finished.returncode == 2
    assert "Usage: flask auth keygen" in finished.stderr
    assert "Take --out away" in finished.stderr
