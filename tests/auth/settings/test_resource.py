"""The URLs by which clients know the service: one way to write each, and nothing published that cannot be found."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import ConfigurationError
from auth.settings.service import AuthConfig
from auth.settings.values import AS_LIST
from auth.wire.metadata import ProtectedResource
from tests.support.services import AUDIENCE, ISSUER, OTHER_SECRET, SECRET, SETTINGS

API = "https://api.example/mcp"
UNBOUND = {"AUTH_SECRET": SECRET, "AUTH_ISSUER": ISSUER}


def config(**settings: Any) -> AuthConfig:
    return AuthConfig.from_mapping(UNBOUND | settings)


def problems(**settings: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        config(**settings)
    return list(raised.value.problems)


def resources(**settings: Any) -> list[str]:
    metadata = config(**settings).metadata
    assert metadata is not None
    return [resource.identifier for resource in metadata.resources]


HTTPS = "must begin with https://."
NOT_PLAIN = "must be an https URL without user, query and fragment."
PATH = (
    "must have a path of ASCII letters, digits and . _ ~ : @ - without empty segments, dot segments and percent signs."
)
SLASH = "must not end with a slash."
PORT = "must leave out the port that its scheme stands for, as clients do."
CASE = "must have its host in lower case, as clients write it."
HOST = "must have a host name of letters, digits, dots and hyphens, or an address in its shortest form."
ZEROS = "must have a port without zeros in front."
METADATA = "must be the URL of the API, not that of its metadata."
CLEAN = "holds a text with spaces, line ends or quotation marks around it; remove them. In the environment: "

WRONG = {
    "api.example": HTTPS,
    "HTTPS://api.example": HTTPS,
    "ftp://api.example": HTTPS,
    "http://api.example": "must begin with https://; http is for this machine only.",
    "http://127.0.0.1.api.example": "must begin with https://; http is for this machine only.",
    "https://": NOT_PLAIN,
    "https:///mcp": NOT_PLAIN,
    "https://alice@api.example": NOT_PLAIN,
    "https://api.example/mcp?tenant=1": NOT_PLAIN,
    "https://api.example/mcp?": NOT_PLAIN,
    "https://api.example/mcp#": NOT_PLAIN,
    "https://api.example:port": NOT_PLAIN,
    "https://api.example:0": NOT_PLAIN,
    "https://äpi.example": NOT_PLAIN,
    "https://api.example/a b": NOT_PLAIN,
    "https://api.example/a\r\nX-Evil: 1": NOT_PLAIN,
    "https://api.example/a\tb": NOT_PLAIN,
    "https://API.example": CASE,
    "https://[2001:DB8::1]": CASE,
    "https://api.example.": HOST,
    "https://*.example": HOST,
    "https://a..example": HOST,
    "https://127.1": HOST,
    "https://0x7f.1": HOST,
    "https://0x7f000001": HOST,
    "https://2130706433": HOST,
    "https://127.0.0.0x1": HOST,
    "https://api.0x": HOST,
    "https://127.0.0.01": HOST,
    "https://10.0.0.256": HOST,
    "https://api.example.5": HOST,
    "https://api.example\\evil": HOST,
    'https://api.example"x': HOST,
    "https://[2001:0db8::1]": HOST,
    "https://[fe80::1%25eth0]": HOST,
    "https://api.example:08443": ZEROS,
    "https://api.example:0443": PORT,
    "https://api.example:443": PORT,
    "https://api.example:443/mcp": PORT,
    "https://api.example:": PORT,
    "http://127.0.0.1:80": PORT,
    "https://api.example/": SLASH,
    "https://api.example/mcp/": SLASH,
    "https://api.example/.well-known/oauth-protected-resource": METADATA,
    "https://api.example/m%63p": PATH,
    "https://api.example/a%2Fb": PATH,
    "https://api.example//mcp": PATH,
    "https://api.example/a/./b": PATH,
    "https://api.example/a/..": PATH,
    "https://api.example/<user_id>": PATH,
    'https://api.example/a"b': PATH,
    "https://api.example/a\\b": PATH,
    "https://api.example/a;b": PATH,
}


@pytest.mark.parametrize(("url", "sentence"), WRONG.items())
def test_a_resource_is_written_in_the_one_way_that_all_clients_write(url: str, sentence: str) -> None:
    """They compare it character by character (RFC 9728 §3.3), and a header quotes it."""
    assert problems(AUTH_RESOURCE=url) == [f"AUTH_RESOURCE {sentence}"]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example",
        "https://api.example:8443",
        "https://api.example/v1.0/a_b~c:d@e",
        "https://api.example/..a",
        "https://api.example/Case",
        "https://[2001:db8::1]:8443/mcp",
        "https://10.0.0.1",
        "https://1.example",
        "https://0x7f.a1",
        "http://127.0.0.1:8000/mcp",
        "http://localhost:8000",
        "http://[::1]:8000",
    ],
)
def test_a_resource_is_kept_as_it_is_written(url: str) -> None:
    """Byte for byte."""
    assert resources(AUTH_RESOURCE=url) == [url]


def test_a_text_in_quotation_marks_is_refused() -> None:
    """As in every setting."""
    assert problems(AUTH_RESOURCE=f'"{API}"') == [f"AUTH_RESOURCE {CLEAN}FLASK_AUTH_RESOURCE=value"]


def test_two_resources_are_told_apart_by_their_paths() -> None:
    """A client may send any ``Host``."""
    assert problems(AUTH_RESOURCE=[API, API]) == ["AUTH_RESOURCE holds one URL twice."]
    assert problems(AUTH_RESOURCE=[API, "https://other.example/mcp"]) == [
        "AUTH_RESOURCE holds two URLs with the same path. The path alone says which resource a request is for, because "
        "a client may send any Host. Give each its own path, or serve them as two apps."
    ]


def test_longer_paths_come_first() -> None:
    """In whichever order they are written."""
    wide, narrow = "https://api.example/a", "https://api.example/a/b"

    assert resources(AUTH_RESOURCE=[wide, narrow]) == resources(AUTH_RESOURCE=[narrow, wide]) == [narrow, wide]


def test_the_resource_is_the_audience_of_a_service_without_one() -> None:
    """With public keys too, which need an audience."""
    (issuer,) = config(AUTH_RESOURCE=API).issuers
    (discovered,) = config(AUTH_SECRET=None, AUTH_DISCOVERY=True, AUTH_RESOURCE=[API, AUDIENCE]).issuers

    assert issuer.audience == {API}
    assert discovered.audience == {API, AUDIENCE}


def test_the_resource_is_the_audience_of_each_entry_without_one() -> None:
    """An entry's own audience stays, and the start warns of what an RFC 8707 client will bring."""
    first = {"issuer": ISSUER, "secret": SECRET}
    second = {"issuer": "https://b.example", "secret": OTHER_SECRET, "user_prefix": "b:", "audience": "b"}

    made = AuthConfig.from_mapping({"AUTH_ISSUERS": [first, second], "AUTH_RESOURCE": API})

    assert [issuer.audience for issuer in made.issuers] == [{API}, {"b"}]
    assert made.warnings == (
        f"AUTH_ISSUERS[1].audience does not hold {API}, which AUTH_RESOURCE names. A client that asks its "
        f'authorization server for that resource (RFC 8707) brings a token with "aud": "{API}", which is refused. Add '
        "the URL to AUTH_ISSUERS[1].audience.",
    )


def test_an_audience_that_holds_the_resource_is_no_reason_to_warn() -> None:
    """Beside others, for older clients."""
    made = config(AUTH_RESOURCE=API, AUTH_AUDIENCE=[API, "old"])

    assert made.warnings == ()
    assert made.issuers[0].audience == {API, "old"}


def test_a_resource_is_no_audience_where_tokens_name_a_client_in_its_place() -> None:
    """Cognito: the app client is the audience, and no client is called like the API."""
    assert problems(AUTH_SECRET=None, AUTH_DISCOVERY=True, AUTH_PROFILE="cognito", AUTH_RESOURCE=API) == [
        "AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the client_id of the tokens."
    ]


OTHER = "https://api.example/other"


def test_an_audience_holds_all_of_several_resources() -> None:
    """The others would refuse each request, however it is put into the token."""
    outcome = "With several resources a token has to name the one that it is for, so each"

    assert problems(AUTH_RESOURCE=[API, OTHER], AUTH_AUDIENCE=["old", API]) == [
        f"AUTH_RESOURCE names {OTHER}, and AUTH_AUDIENCE does not. {outcome} request there would be refused. Add the "
        "URL to AUTH_AUDIENCE."
    ]
    assert problems(AUTH_RESOURCE=[API, OTHER], AUTH_AUDIENCE="old") == [
        f"AUTH_AUDIENCE holds none of the URLs in AUTH_RESOURCE. {outcome} would be refused. Add the URLs to "
        "AUTH_AUDIENCE, or do not set it."
    ]
    assert config(AUTH_RESOURCE=[API, OTHER], AUTH_AUDIENCE=[OTHER, "old", API]).warnings == ()
    assert problems(AUTH_RESOURCE=[API, OTHER], AUTH_AUDIENCE=5) == problems(AUTH_AUDIENCE=5)


def test_each_issuer_is_for_one_of_several_resources_at_least() -> None:
    """And each resource has an issuer."""
    first = {"issuer": ISSUER, "secret": SECRET, "audience": API}
    second = {"issuer": "https://b.example", "secret": OTHER_SECRET, "user_prefix": "b:"}

    def start(*entries: dict[str, Any]) -> AuthConfig:
        return AuthConfig.from_mapping({"AUTH_ISSUERS": [*entries], "AUTH_RESOURCE": [API, OTHER]})

    with pytest.raises(ConfigurationError) as useless:
        start(first, second | {"audience": "b"})
    with pytest.raises(ConfigurationError) as unreached:
        start(first, second | {"audience": API})

    assert [issuer.audience for issuer in start(first, second | {"audience": OTHER}).issuers] == [{API}, {OTHER}]
    assert [issuer.audience for issuer in start(first, second).issuers] == [{API}, {API, OTHER}]
    assert [problem.partition(".")[0] for problem in useless.value.problems] == ["AUTH_ISSUERS[1]"]
    assert "AUTH_ISSUERS[1].audience holds none of the URLs" in str(useless.value)
    assert list(unreached.value.problems) == [
        f"AUTH_RESOURCE names {OTHER}, and AUTH_ISSUERS[0].audience or AUTH_ISSUERS[1].audience does not. With several "
        "resources a token has to name the one that it is for, so each request there would be refused. Add the URL to "
        "AUTH_ISSUERS[0].audience or AUTH_ISSUERS[1].audience."
    ]


def test_tokens_that_name_a_client_are_for_none_of_several_resources() -> None:
    """Cognito: they have no ``aud``. For an only resource they do."""
    settings = {"AUTH_SECRET": None, "AUTH_DISCOVERY": True, "AUTH_PROFILE": "cognito", "AUTH_AUDIENCE": "client"}

    assert config(**settings, AUTH_RESOURCE=API).issuers[0].audience == {"client"}
    assert problems(**settings, AUTH_RESOURCE=[API, OTHER]) == [
        "AUTH_PROFILE is cognito, whose tokens do not name the resource that they are for. With several resources each "
        "would be refused. Set AUTH_RESOURCE to one URL, or serve each as an app."
    ]


def test_a_wrong_resource_is_one_problem() -> None:
    """Nobody is told of a missing audience as well."""
    assert problems(AUTH_SECRET=None, AUTH_DISCOVERY=True, AUTH_RESOURCE="api.example") == [f"AUTH_RESOURCE {HTTPS}"]


@pytest.mark.parametrize(
    ("scopes", "read"),
    [
        ("tasks:read", ("tasks:read",)),
        ("tasks:read tasks:write", ("tasks:read", "tasks:write")),
        (["tasks:read", "a!#[]~"], ("tasks:read", "a!#[]~")),
        ([], ()),
    ],
)
def test_scopes_are_written_as_in_a_guard(scopes: Any, read: tuple[str, ...]) -> None:
    """One text with spaces between them, or a list."""
    metadata = config(AUTH_RESOURCE=API, AUTH_RESOURCE_SCOPES=scopes).metadata

    assert metadata is not None
    assert metadata.scopes == read


IN_ENVIRONMENT = f"In the environment: FLASK_AUTH_RESOURCE_SCOPES={AS_LIST}"
NAMES = "must hold scopes: names of printable ASCII without spaces, quotes and backslashes."


@pytest.mark.parametrize(
    ("scopes", "sentence"),
    [
        (["tasks:read tasks:write"], NAMES),
        (['a"b'], NAMES),
        (["a\\b"], NAMES),
        (["ä"], NAMES),
        ("a,b", f"holds a comma; write spaces between several scopes, or write them as a list. {IN_ENVIRONMENT}"),
        ('["a", "b', f"looks like JSON but is not valid JSON. {IN_ENVIRONMENT}"),
        ("a\r\nX:", NAMES),
        ("", "holds an empty text; give it a value or leave it out."),
        ("a  b", "holds an empty text; give it a value or leave it out."),
        (5, f"must be a text or a list of texts. {IN_ENVIRONMENT}"),
    ],
)
def test_what_is_no_scope_is_refused(scopes: Any, sentence: str) -> None:
    """A header quotes them."""
    assert problems(AUTH_RESOURCE=API, AUTH_RESOURCE_SCOPES=scopes) == [f"AUTH_RESOURCE_SCOPES {sentence}"]


@pytest.mark.parametrize("name", ["openid", "profile", "email", "offline_access"])
def test_scopes_of_openid_connect_are_not_for_an_api(name: str) -> None:
    """A client asks for them by itself."""
    assert problems(AUTH_RESOURCE=API, AUTH_RESOURCE_SCOPES=["tasks:read", name]) == [
        f"AUTH_RESOURCE_SCOPES holds {name}: scopes of OpenID Connect ask for something about the user, not "
        "for this API. Take them out; a client that needs them asks by itself."
    ]


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "x" * 201])
def test_a_name_is_printable(name: str) -> None:
    """A page shows it."""
    assert problems(AUTH_RESOURCE=API, AUTH_RESOURCE_NAME=name) == [
        "AUTH_RESOURCE_NAME must be printable text of at most 200 characters."
    ]


#: A page that shows the link could take these for its own.
UNSAFE = [
    'https://docs.example/"><script>',
    "https://docs.example/\\x",
    "https://docs.example/%2",
    "https://docs.example/{x}",
]


@pytest.mark.parametrize(
    "url", ["http://docs.example", "docs.example", "https://u:p@docs.example", "javascript:0", *UNSAFE]
)
def test_the_documentation_is_a_page(url: str) -> None:
    """Clients show it as a link."""
    assert problems(AUTH_RESOURCE=API, AUTH_RESOURCE_DOCS=url) == [
        "AUTH_RESOURCE_DOCS must be the https URL of a page, without user, in characters of URLs; encode others with "
        "percent."
    ]


def test_a_page_may_have_all_that_stands_in_urls() -> None:
    """It is published as it is written."""
    url = "https://docs.example:8443/a%20b/~c;d=(e)/!$&'*+,?q=@[:]#x-y_z."

    metadata = config(AUTH_RESOURCE=API, AUTH_RESOURCE_DOCS=url).metadata

    assert metadata is not None
    assert metadata.documentation == url


def test_settings_about_a_resource_need_one() -> None:
    """They would do nothing."""
    found = problems(AUTH_RESOURCE_SCOPES="a", AUTH_RESOURCE_NAME="Tasks", AUTH_RESOURCE_DOCS="https://docs.example")

    assert found == [
        f"AUTH_RESOURCE_{name} is set, and AUTH_RESOURCE is not: nothing would be published."
        for name in ("SCOPES", "NAME", "DOCS")
    ]


NO_ISSUER = (
    "AUTH_RESOURCE is set, and there is no issuer to publish: clients could not find the authorization server. One "
    "issuer at least needs an https URL as its name."
)


@pytest.mark.parametrize(
    "name",
    [
        "tasks",
        "http://login.example",
        "https://login.example?a=b",
        "https://u@login.example",
        'https://a.example/"b',
    ],
)
def test_an_issuer_that_no_client_finds_is_not_published(name: str) -> None:
    """RFC 8414 §2: an https URL without query and fragment."""
    assert problems(AUTH_ISSUER=name, AUTH_RESOURCE=API) == [NO_ISSUER]


def test_a_service_without_the_name_of_an_issuer_publishes_none() -> None:
    """A shared secret may do without one."""
    assert problems(AUTH_ISSUER=None, AUTH_RESOURCE=API) == [NO_ISSUER]


def entries(**of_second: Any) -> dict[str, Any]:
    first = {"issuer": [ISSUER, "https://old.example"], "secret": SECRET}
    second = {"issuer": "https://b.example", "secret": OTHER_SECRET, "user_prefix": "b:"}
    return {"AUTH_ISSUERS": [first, second | of_second], "AUTH_RESOURCE": API}


def test_each_issuer_is_published_unless_it_says_not() -> None:
    """Under its first name, which discovery asks."""
    published, kept = (
        AuthConfig.from_mapping(entries(**of_second)).metadata for of_second in ({}, {"published": False})
    )

    assert published is not None
    assert published.authorization_servers == (ISSUER, "https://b.example")
    assert kept is not None
    assert kept.authorization_servers == (ISSUER,)


def test_an_issuer_that_cannot_be_published_is_left_out() -> None:
    """With a warning; with ``published`` set to true it stops the start."""
    reason = "AUTH_ISSUERS[1].issuer is no https URL, so no client could find the issuer by it."

    made = AuthConfig.from_mapping(entries(issuer="jobs"))
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(entries(issuer="jobs", published=True))

    assert made.metadata is not None
    assert made.metadata.authorization_servers == (ISSUER,)
    assert made.warnings == (f"{reason} The resource metadata leave it out.",)
    assert list(raised.value.problems) == [f"AUTH_ISSUERS[1].published is true, and {reason}"]


def test_no_issuer_left_stops_the_start() -> None:
    """Each says that it is not published."""
    settings = entries(published=False)
    settings["AUTH_ISSUERS"][0]["published"] = False

    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings)

    assert list(raised.value.problems) == [NO_ISSUER]


@pytest.mark.parametrize("mount", ["tasks", None, 5])
def test_the_path_of_the_app_is_a_path(mount: object) -> None:
    """Flask says so too, and does not look."""
    assert problems(AUTH_RESOURCE=API, APPLICATION_ROOT=mount) == [
        "APPLICATION_ROOT must begin with a slash: it is the path at which clients reach the app."
    ]


CIRCLE = "goes round in a circle: the scope of entry {} implies itself, or one that implies it."
MAPPING = "must be a mapping of scopes to the scopes that each implies. In the environment: "
LISTS = "must map scopes to lists of scopes: names of printable ASCII without spaces and quotes. In the environment: "
EXAMPLE = """FLASK_AUTH_SCOPE_IMPLIES='{"tasks:write": ["tasks:read"]}'"""


@pytest.mark.parametrize(
    ("implies", "sentence"),
    [
        ({"a": ["a"]}, CIRCLE.format(1)),
        ({"x": ["y"], "a": ["b"], "b": ["c"], "c": ["a"]}, CIRCLE.format(2)),
        ("a", MAPPING + EXAMPLE),
        (["a"], MAPPING + EXAMPLE),
        ({"a": 5}, LISTS + EXAMPLE),
        ({"a": [5]}, LISTS + EXAMPLE),
        ({5: ["a"]}, LISTS + EXAMPLE),
        ({"a": ["b c"]}, LISTS + EXAMPLE),
        ({"a b": ["c"]}, LISTS + EXAMPLE),
        ({"a": ['"']}, LISTS + EXAMPLE),
        ({"a": [""]}, LISTS + EXAMPLE),
    ],
)
def test_a_hierarchy_that_means_nothing_is_refused(implies: Any, sentence: str) -> None:
    """A circle would make its scopes one."""
    assert problems(AUTH_AUDIENCE=AUDIENCE, AUTH_SCOPE_IMPLIES=implies) == [f"AUTH_SCOPE_IMPLIES {sentence}"]


def test_a_hierarchy_is_closed_over_once() -> None:
    """What is implied may imply more, by several ways."""
    implies = {"admin": ["write", "audit"], "write": "read", "audit": ["read"]}

    assert config(AUTH_SCOPE_IMPLIES=implies).scope_hierarchy.implied == {
        "admin": {"write", "audit", "read"},
        "write": {"read"},
        "audit": {"read"},
    }


def test_a_service_without_a_resource_publishes_nothing() -> None:
    """Off until set."""
    made = AuthConfig.from_mapping(SETTINGS | {"AUTH_SCOPE_IMPLIES": {}, "AUTH_RESOURCE": []})

    assert made.metadata is None
    assert made.scope_hierarchy.implied == {}


@pytest.mark.parametrize(
    ("path", "is_below"),
    [
        ("/api", True),
        ("/api/", True),
        ("/api/x", True),
        ("/apix", False),
        ("/API/x", False),
        ("/", False),
        ("", False),
        ("/x/api", False),
    ],
)
def test_a_path_lies_below_a_resource_by_whole_segments(path: str, is_below: bool) -> None:
    """Character by character."""
    assert ProtectedResource("https://api.example/api").holds(path) is is_below
