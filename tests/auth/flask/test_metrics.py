"""The counts that Prometheus reads: what is counted, that labels come from closed sets, and who may read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.typing import ResponseReturnValue
from prometheus_client import REGISTRY, generate_latest

from auth import ResourceServer, owns_path_user, require_jwt
from auth.errors import AuthErrorCode, ConfigurationError
from auth.flask.counts_folder import check_folder
from auth.metrics import registry
from auth.stores import MemoryStore, StoreUnavailableError
from auth.testing import PublishedIssuer, assert_routes_guarded, local_issuer
from tests.support.environments import ROOT
from tests.support.lifetimes import A_DAY
from tests.support.remote_keys import eventually
from tests.support.scrapes import Sample, by_label, samples
from tests.support.services import (
    ISSUED,
    ISSUER,
    OTHER_SECRET,
    SETTINGS,
    add_view,
    bearer,
    clock,
    compact,
    service,
    with_claims,
)

PROMETHEUS = ISSUED.authorization("prometheus", scopes="metrics:read", is_client=True, expires_in=A_DAY)
ALICE = ISSUED.authorization("alice", expires_in=A_DAY)
SUPPORT = ISSUED.authorization("support", scopes="tasks:any", expires_in=A_DAY)


def counting(**settings: Any) -> Flask:
    app = service(**{"AUTH_METRICS": True} | settings)

    @owns_path_user(unless_scope="tasks:any")
    def tasks(user_id: str) -> ResponseReturnValue:
        return {"owner": user_id}

    @require_jwt(optional=True)
    def news() -> ResponseReturnValue:
        return {}

    add_view(app, "/users/<user_id>", tasks)
    add_view(app, "/news", news)
    return app


class SilentDenylist(MemoryStore):
    """A denylist that does not answer."""

    def values(self, keys: Sequence[str]) -> list[float | None]:
        """Say so."""
        raise StoreUnavailableError("the test has stopped it")


def ask(app: Flask, path: str, headers: dict[str, str]) -> int:
    return app.test_client().get(path, headers=headers).status_code


def counts() -> dict[Sample, float]:
    return samples(generate_latest(registry()).decode())


def added(before: dict[Sample, float], name: str, label: str) -> Counter[str]:
    """Return what was counted since, by the value of a label; tests of one process share the registry."""
    return by_label(counts(), name, label) - by_label(before, name, label)


def test_each_request_has_one_result() -> None:
    """An anonymous caller of an optional view has none: no token was judged."""
    app, before = counting(), counts()
    for path, headers in (
        ("/users/alice", ALICE),
        ("/users/alice", ALICE),
        ("/users/bob", ALICE),
        ("/users/bob", SUPPORT),
        ("/users/bob", {}),
        ("/news", {}),
        ("/news", bearer(compact(secret=OTHER_SECRET))),
    ):
        ask(app, path, headers)

    assert added(before, "auth_requests_total", "result") == {"accepted": 2, "overridden": 1, "refused": 3}
    assert added(before, "auth_refusals_total", "error") == {
        "not_owner": 1,
        "missing_token": 1,
        "invalid_signature": 1,
    }


def test_an_issuer_without_keys_is_a_result_of_its_own() -> None:
    """Nobody's token is to blame."""
    with PublishedIssuer.generate("ES256", audience="https://api.example") as issuer:
        settings = issuer.settings | {"AUTH_JWKS_TIMEOUT": 0.1}
        headers = issuer.authorization("alice")
    app = Flask("service")
    app.config.update(settings, AUTH_METRICS=True)
    ResourceServer(app)
    add_view(app, "/", require_jwt(lambda: {"news": []}))
    before = counts()
    status = ask(app, "/", headers)

    assert status == 503
    assert added(before, "auth_requests_total", "result") == {"unavailable": 1}
    assert added(before, "auth_refusals_total", "error") == {"keys_unavailable": 1}


def test_a_token_is_looked_for_once_for_each_request_that_brings_one() -> None:
    """Whatever becomes of it later; and what is found takes its time to be measured, too."""
    app, before = counting(), counts()
    for headers in (ALICE, ALICE, SUPPORT, {}, bearer("no token"), bearer(with_claims(exp=1))):
        ask(app, "/users/bob", headers)
    judged = ("auth_verification_seconds_count", ())

    assert added(before, "auth_token_cache_total", "result") == {"hit": 1, "miss": 4}
    assert counts()[judged] - before[judged] == 6


def test_a_remembered_token_is_a_hit_whatever_the_denylist_says() -> None:
    """It was found among the verified ones, and then refused because it is revoked or because nobody can tell."""
    denylist = MemoryStore(clock=clock)
    app, before = counting(AUTH_DENYLIST=denylist), counts()
    answers = [ask(app, "/users/alice", ALICE)]
    app.extensions["resource_server"].revoke_user("alice")
    answers.append(ask(app, "/users/alice", ALICE))
    denylist.values = SilentDenylist().values  # type: ignore[method-assign]
    answers += [ask(app, "/users/alice", headers) for headers in (ALICE, SUPPORT)]

    assert answers == [200, 401, 503, 503]
    assert added(before, "auth_token_cache_total", "result") == {"hit": 2, "miss": 2}


def test_a_token_that_comes_in_no_field_is_verified_and_not_counted() -> None:
    """``verify`` is for messages of sockets and of jobs."""
    app, before = counting(), counts()
    token = app.extensions["resource_server"].verify(compact())

    assert token.user_id == "alice"
    assert not added(before, "auth_token_cache_total", "result")
    assert not added(before, "auth_requests_total", "result")


def test_a_failure_of_the_denylist_is_counted() -> None:
    """Also if the settings let requests pass meanwhile, so that nothing is refused."""
    name = ("auth_denylist_failures_total", ())
    app = counting(AUTH_DENYLIST=SilentDenylist(), AUTH_DENYLIST_FAILURE="accept")
    before = counts()[name]

    assert ask(app, "/users/alice", ALICE) == 200
    assert counts()[name] == before + 1


def test_every_result_and_error_is_there_before_it_happens() -> None:
    """So a rate begins with 0, and no label has a value that is not ours."""
    labels: dict[str, set[str]] = {}
    for name, pairs in counts():
        if name in ("auth_requests_total", "auth_refusals_total", "auth_token_cache_total"):
            labels.setdefault(name, set()).update(value for _, value in pairs)

    assert labels == {
        "auth_requests_total": {"accepted", "overridden", "refused", "unavailable"},
        "auth_refusals_total": {code.value for code in AuthErrorCode},
        "auth_token_cache_total": {"hit", "miss"},
    }


def test_the_age_of_fetched_keys_is_shown_by_the_name_of_the_issuer() -> None:
    """A set secret has no age."""
    with PublishedIssuer.generate("ES256", audience="https://api.example") as issuer:
        app = Flask("service")
        app.config.update(issuer.settings, AUTH_METRICS=True)
        ResourceServer(app)
        add_view(app, "/", require_jwt(lambda: {"news": []}))
        name = (("issuer", str(issuer.issuer)),)
        before = counts()
        status = ask(app, "/", issuer.authorization("alice"))
        # The answer does not wait for those who listen to the fetch.
        eventually(lambda: ("auth_jwks_age_seconds", name) in counts())
        after = counts()

    assert status == 200
    assert ("auth_jwks_age_seconds", name) not in before
    assert 0 <= after["auth_jwks_age_seconds", name] < 60
    assert after["auth_jwks_last_success_timestamp_seconds", name] > 1_700_000_000


CHILD = """\
import os
from auth.flask import metrics
number = {}
metrics._note_keys("https://login.example", 1000 * number)
metrics._RESULTS["accepted"].inc(number)
"""


def test_the_processes_of_a_server_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry reads what each has written into the folder of prometheus-client."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for number in (1, 2):
        subprocess.run([sys.executable, "-c", CHILD.format(number)], check=True)
    together = counts()

    assert registry() is not REGISTRY
    assert together["auth_requests_total", (("result", "accepted"),)] == 3
    assert together["auth_refusals_total", (("error", "not_owner"),)] == 0
    assert 2000 <= together["auth_jwks_age_seconds", (("issuer", "https://login.example"),)] < 2060


FORKED = """\
import os
from flask import Flask
from auth import ResourceServer, require_jwt
from auth.keys import FixedLocation, RemoteKeySource
from tests.support.remote_keys import Clock, eventually
from tests.support.scrapes import samples
from auth.metrics import registry
from prometheus_client import generate_latest

def ages():
    return [round(value) for (name, _), value in samples(generate_latest(registry()).decode()).items() if "age" in name]

clock, told = Clock(), []
app = Flask("service")
app.config.update({settings!r}, AUTH_METRICS=True)
keys = RemoteKeySource(FixedLocation({url!r}), clock=clock)
ResourceServer(app, keys=keys)
app.add_url_rule("/", "view", require_jwt(lambda: dict(news=[])))
# The parent fetches, as an app does that is loaded before its workers are forked and asks for its keys.
keys.on_keys(told.append)
app.extensions["resource_server"].keys_ready()
eventually(lambda: told)
if worker := os.fork():
    os.waitpid(worker, 0)
else:
    clock.now += 100
    answers = [app.test_client().get("/").status_code, ages()]
    answers += [app.test_client().get("/", headers={headers!r}).status_code, ages()]
    print(answers, flush=True)
    os._exit(0)
"""


def test_a_child_of_a_fork_shows_the_age_of_the_keys_that_it_has_from_its_parent(tmp_path: Path) -> None:
    """And nothing of its own before it uses them; prometheus-client makes their label anew in it, with 0."""
    with PublishedIssuer.generate("ES256", issuer=ISSUER, audience="https://api.example") as issuer:
        settings = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": "https://api.example", "AUTH_ALGORITHMS": ["ES256"]}
        program = FORKED.format(settings=settings, url=issuer.jwks_url, headers=issuer.authorization("alice"))
        finished = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        )
    without_token, (age_in_parent,), with_token, (age,) = json.loads(finished.stdout)

    assert (without_token, with_token) == (401, 200)
    assert 0 <= age_in_parent < 60
    assert 100 <= age < 160


BROKEN = """\
import logging, os, shutil, sys
from flask import Flask
from auth import ResourceServer, require_jwt
from auth.testing import TokenIssuer
logging.basicConfig(format="%(name)s: %(message)s")
issuer = TokenIssuer({secret!r})
app = Flask("service")
app.config.update(AUTH_SECRET={secret!r}, AUTH_METRICS=True)
ResourceServer(app)
app.add_url_rule("/", "view", require_jwt(lambda: dict(news=[])))
from auth.flask import metrics
folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
shutil.rmtree(folder)
# What is open is written to; a child opens files of its own.
worker = os.fork()
if not worker:
    headers = issuer.authorization("alice")
    print(*[app.test_client().get("/", headers=h).status_code for h in (headers, headers, dict())])
    metrics._note(metrics._note_keys, "https://login.example", 0)
    sys.stdout.flush()
    os._exit(0)
os.waitpid(worker, 0)
"""


def test_counts_that_cannot_be_written_change_no_answer(tmp_path: Path) -> None:
    """The log says so once for each process, in one line."""
    folder = tmp_path / "counts"
    folder.mkdir()
    finished = subprocess.run(
        [sys.executable, "-c", BROKEN.format(secret=OTHER_SECRET)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
    )
    (line,) = [line for line in finished.stderr.splitlines() if "counts" in line]

    assert finished.stdout.split() == ["200", "200", "401"]
    assert line.startswith("flask_resource_server: cannot write counts for Prometheus: FileNotFoundError: ")
    assert "Traceback" not in finished.stderr


def test_a_failure_is_logged_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is asked a thousand times says it once."""
    monkeypatch.setattr("auth.flask.metrics._FAILED_IN", {})
    app = counting()
    monkeypatch.setattr("auth.flask.metrics._verification", None)
    answers = [ask(app, "/users/alice", ALICE) for _ in range(3)]

    assert answers == [200, 200, 200]
    assert len([record for record in caplog.records if "cannot write counts" in record.message]) == 1


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_folder_that_is_none_stops_the_start(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one sentence."""
    (tmp_path / "file").touch()
    monkeypatch.delitem(sys.modules, "auth.flask.metrics")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / name))

    with pytest.raises(ConfigurationError) as caught:
        service(AUTH_METRICS=True)
    assert caught.value.problems == (
        "PROMETHEUS_MULTIPROC_DIR must be a folder that exists and that this process may write to.",
    )


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """prometheus-client would write into the working directory."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    check_folder()

    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    assert registry() is REGISTRY


def test_files_of_others_in_the_folder_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database is none of ours."""
    (tmp_path / "tasks.db").write_text("SQLite")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    assert counts() == {}


def test_a_file_that_a_process_is_about_to_fill_or_has_removed_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """prometheus-client makes an empty file first, and cannot read one."""
    (tmp_path / "counter_7.db").touch()
    (tmp_path / "gauge_liveall_7.db").symlink_to(tmp_path / "removed")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    assert counts() == {}


def test_a_time_that_a_fork_has_only_carried_over_is_none() -> None:
    """prometheus-client writes the labels of the parent anew in a child, with 0."""
    last_success = sys.modules["auth.flask.metrics"].__dict__["_last_success"]
    last_success.labels("https://fork.example").set(0)
    last_success.labels("https://used.example").set(5)
    shown = {dict(labels)["issuer"] for name, labels in counts() if name == "auth_jwks_age_seconds"}
    for issuer in ("https://fork.example", "https://used.example"):
        last_success.remove(issuer)

    assert shown & {"https://fork.example", "https://used.example"} == {"https://used.example"}


def test_tokens_of_a_local_issuer_are_counted() -> None:
    """While it stands in, and those of the issuer of the settings after it."""
    app, before = counting(), counts()
    with local_issuer(app) as issuer:
        ask(app, "/users/alice", issuer.authorization("alice"))
    ask(app, "/users/alice", ALICE)

    assert added(before, "auth_token_cache_total", "result") == {"miss": 2}


def test_a_start_that_is_refused_can_be_repeated() -> None:
    """Nothing of the first try is in the way."""
    app = Flask("service")
    app.config.update(SETTINGS, AUTH_METRICS_PATH="/metrics", AUTH_ACR_VALUES=["low"])
    app.add_url_rule("/", "view", require_jwt(acr="high")(lambda: ""))
    with pytest.raises(ConfigurationError, match="AUTH_ACR_VALUES"):
        ResourceServer(app)
    app.config["AUTH_ACR_VALUES"] = ["low", "high"]
    ResourceServer(app, clock=clock)

    assert ask(app, "/metrics", PROMETHEUS) == 200


def test_the_route_is_there_only_if_its_path_is_set() -> None:
    """``AUTH_METRICS`` alone counts for a route of the service's own."""
    assert ask(counting(), "/metrics", PROMETHEUS) == 404
    assert registry() is REGISTRY


@pytest.mark.parametrize("settings", [{}, {"AUTH_METRICS": False}], ids=["unset", "off"])
def test_the_path_turns_counting_on_and_serves_the_counts(settings: dict[str, Any]) -> None:
    """In the text format, which no shared cache keeps."""
    app = counting(**{"AUTH_METRICS": None, "AUTH_METRICS_PATH": "/metrics", **settings})
    ask(app, "/users/alice", ALICE)
    answer = app.test_client().get("/metrics", headers=PROMETHEUS)

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "no-store"
    assert samples(answer.text)["auth_requests_total", (("result", "accepted"),)] > 0


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({}, 401, "missing_token"),
        (ALICE, 403, "insufficient_scope"),
        (bearer(with_claims(exp=1)), 401, "token_expired"),
    ],
)
def test_the_counts_are_guarded(headers: dict[str, str], status: int, error: str) -> None:
    """A caller needs a token with the scope."""
    app = counting(AUTH_METRICS_PATH="/metrics", AUTH_DENY_BY_DEFAULT=True)
    answer = app.test_client().get("/metrics", headers=headers)

    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert_routes_guarded(app)


def test_the_scope_can_be_another() -> None:
    """Some issuers say how scopes have to be called."""
    app = counting(AUTH_METRICS_PATH="/metrics", AUTH_METRICS_SCOPE="api/metrics")

    assert ask(app, "/metrics", PROMETHEUS) == 403
    assert ask(app, "/metrics", ISSUED.authorization("p", scopes="api/metrics")) == 200


def test_the_route_answers_at_every_host() -> None:
    """Where hosts tell routes apart."""
    app = Flask("service", host_matching=True, static_host="static.example")
    app.config.update(SETTINGS, AUTH_METRICS_PATH="/metrics")
    ResourceServer(app, clock=clock)

    answer = app.test_client().get("/metrics", headers=PROMETHEUS, base_url="https://any.example")

    assert answer.status_code == 200


def test_a_route_of_the_service_at_the_path_stops_the_start() -> None:
    """One of the two would never run."""
    app = Flask("service")
    app.config.update(SETTINGS, AUTH_METRICS_PATH="/metrics")
    app.add_url_rule("/metrics", "own", lambda: "own")

    with pytest.raises(ConfigurationError) as caught:
        ResourceServer(app)
    assert caught.value.problems == ("The app has a route /metrics already; AUTH_METRICS_PATH makes it.",)


@pytest.mark.parametrize("path", ["metrics", "/a path", "/<metrics>", "/metrics?x", ""])
def test_a_path_that_cannot_be_a_route_stops_the_start(path: str) -> None:
    """With one sentence."""
    with pytest.raises(ConfigurationError, match=r"AUTH_METRICS_PATH"):
        service(AUTH_METRICS_PATH=path)


@pytest.mark.parametrize("scope", ["two scopes", 'quo"te'])
def test_what_is_no_scope_stops_the_start(scope: str) -> None:
    """No token could have it."""
    with pytest.raises(ConfigurationError, match=r"AUTH_METRICS_SCOPE must be one scope"):
        service(AUTH_METRICS_PATH="/metrics", AUTH_METRICS_SCOPE=scope)


@pytest.mark.parametrize("settings", [{"AUTH_METRICS": True}, {"AUTH_METRICS_PATH": "/metrics"}], ids=list)
def test_the_missing_extra_is_named(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command that installs it."""
    monkeypatch.delitem(sys.modules, "auth.flask.metrics")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(ConfigurationError) as caught:
        service(**settings)
    assert caught.value.problems == (
        "AUTH_METRICS and AUTH_METRICS_PATH need prometheus-client: pip install 'flask-resource-server[metrics]'.",
    )


def test_a_module_of_another_that_is_missing_is_not_taken_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback says what is missing."""
    monkeypatch.setitem(sys.modules, "auth.flask.metrics_route", None)

    with pytest.raises(ModuleNotFoundError, match="metrics_route"):
        service(AUTH_METRICS=True)


def test_without_the_setting_prometheus_client_is_not_imported() -> None:
    """Off is free."""
    program = (
        "import sys\nfrom flask import Flask\nfrom auth import ResourceServer\napp = Flask('service')\n"
        f"app.config.update(AUTH_SECRET={OTHER_SECRET!r})\nResourceServer(app)\napp.test_client().get('/')\n"
        "print(sorted({'prometheus_client', 'opentelemetry'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "[]"
