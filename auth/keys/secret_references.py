"""Recognises a text that only names a secret: a path, a URL, or a template that a platform has left unfilled.

Such texts stand in deployment files, tickets and repositories. If one served as the secret, anybody who has seen it
could sign tokens for any user. Generators of secrets never make such texts; a test holds that.
"""

from __future__ import annotations

import re

#: A name that people give: words in one case each, not the single letters of random text. Possessive, so that a long
#: text takes no longer than its length.
_NAME = r"(?:[A-Z]?[a-z]{2,}+|[A-Z]{2,}+|[0-9]++|[A-Za-z](?![A-Za-z])|[._-])++"

#: The whole text has to match: printable random text may well hold ``${`` or ``://`` in its middle.
_REFERENCE = re.compile(
    rf"""
    # What a shell, a template or a pipeline should have filled in.
      \$\{{[\w\ .:?/{{}}|+=-]+\}} | \$\([\w\ ./<"'$-]+\) | \$(?:env:)?(?=[A-Za-z_]){_NAME} | \$\[[\w\ .()'\[\]-]+\]
    | \{{\{{[\w\ .,/:|"'$()@\[\]#-]+\}}\}} | <%[\w\ .="'\[\]()-]+%> | \#\{{[\w\ .'"\[\]()-]+\}}\#? | %\{{?\w+(?:%|\}})
    | \(\([\w\ ./:-]+\)\) | @@[\w.-]+@@ | __[A-Z][A-Z0-9_.-]+__ | <[\w\ ./:'-]+>
    # Names of secrets in the stores of clouds, and schemes without slashes.
    | @Microsoft\.(?:KeyVault|AppConfiguration)\(.+ | arn:[a-z-]+:.+ | projects/[\w-]+/secrets/.+
    | (?:vault|ssm|op|secretref|secretsmanager|keyvault|akv|akvs|kv|awssm|gcpsm|asm|sm|k8s|env|file|doppler|infisical)
      :[\w./\#@:-]+
    # Laravel writes "base64:" before a secret, whose base64 may begin with slashes.
    | (?!base64:)[a-z][a-z0-9+.-]{{1,30}}://[\w./@?&=%\#~+:-]+
    # What a tool should have decrypted; the encrypted form lies in a repository.
    | ENC\[.+ | \{{cipher\}}.+ | \$ANSIBLE_VAULT;.+ | encrypted:.+ | !vault\b.*
    # Paths. Base64 may begin with a slash, so a sign that it lacks is demanded, or lower case throughout.
    | (?:\.{{1,2}}|~|[A-Za-z]:)?[\\/]{{1,2}}(?=[^._-]*[._-]){_NAME}(?:[\\/]{_NAME})*
    | (?:/[a-z0-9]+){{2,}} | [A-Za-z]:[\\/][\w\ .()\\/-]+
    | {_NAME}(?:[\\/]{_NAME})+(?<=\.txt|\.key|\.pem|\.env|json|\.yml|yaml|cret)
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)


def is_reference(secret: str | bytes) -> bool:
    """Tell whether a text says where a secret is, and is not the secret itself."""
    text = secret if isinstance(secret, str) else secret.decode("latin-1")
    return _REFERENCE.fullmatch(text.strip()) is not None
