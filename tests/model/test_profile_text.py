"""A mistake in a profile is answered with the file, the line, the key and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantproof.model.errors import UsageError
from tenantproof.model.profile_text import load, parse
from tenantproof.model.toml_lines import line_of

GOOD = """\
schema = "tenantproof.profile/1"

[target]
name = "staging"
base_url = "https://api.example.test"
[target.identity]
path = "/.well-known/deployment"
expect = { product = "venturi" }

[safety]
hosts = ["api.example.test"]

[http.operations]
read = { method = "GET", path = "/v1/tenants/{tenant}/attributions/{id}" }
list = { method = "GET", path = "/v1/tenants/{tenant}/attributions" }
[http.refusals]
mismatch = { status = 403, code = "TENANT_MISMATCH" }
token = { status = 401, code = "INVALID_TOKEN" }
absent = { status = 404, code = "NOT_FOUND" }

[[tenants]]
id = "alder"
principals.reader.token = { env = "ALDER" }
records = [{ id = "a1", canary = "cnry-000000000000000000000001" }]

[[tenants]]
id = "birch"
principals.reader.token = { env = "BIRCH" }
records = [{ id = "b1", canary = "cnry-000000000000000000000002" }]
"""


def test_a_good_profile_is_read_whole() -> None:
    profile = parse(GOOD, "staging.toml")
    assert [tenant.id for tenant in profile.tenants] == ["alder", "birch"]
    assert profile.safety.allow_destructive is False


TURNED = """
[tokens]
audience = "a"
[tokens.rotation]
tenant = "alder"
principal = { token = { env = "T" } }
url = "https://api.example.test/turn"
secret = { env = "S" }
"""
SHARED = """
[tokens]
audience = "a"
[tokens.test_hmac]
issuer = "i"
subject = "s"
tenant = "alder"
key = { env = "K" }
short_key = { env = "S" }
"""
COMPUTED = """
[tokens]
audience = "a"
algorithms = ["ES256", "RS384"]
recover_public_key = true
"""
MISTAKES = [
    ('id = "birch"', 'id = "alder"', "staging.toml:27: tenants[1].id: 'alder' is also the id of tenants[0]"),
    ('name = "staging"', 'nmae = "staging"', 'staging.toml:4: target.nmae: no such key; did you mean "name"?'),
    ('path = "/.well-known/deployment"\n', "", 'staging.toml:6: target.identity: the key "path" is missing; add it'),
    ('hosts = ["api.example.test"]', "hosts = []", "staging.toml:5: target.base_url: api.example.test:443 is not in"),
    ('hosts = ["api.example.test"]', "hosts = 1", "staging.toml:11: safety.hosts: expected array, got int"),
    ('expect = { product = "venturi" }', "expect = {}", "staging.toml:8: target.identity.expect: empty"),
    ('list = { method = "GET", path = "/v1/tenants/{tenant}/attributions" }\n', "", 'the operation "list" is missing'),
    ('{ env = "BIRCH" }', "{}", 'tenants[1].principals.reader.token: name exactly one of "env" and "file"'),
    ("000000000000000000000002", "000000000000000000000001", "tenants[1].records[0].canary: stands in another record"),
    ("https://api.example.test", "ftp://api.example.test", "is no http(s) URL"),
    ("principals.reader.token = { env", "principals.writer.token = { env", 'needs a principal "reader"'),
    ("[safety]", "[safety", "not TOML"),
    (
        'id = "birch"',
        'id = "birch"\nhost = "https://birch.example"',
        "tenants[1].host: 'https://birch.example' is no host",
    ),
    ('id = "birch"', 'id = "birch"\nhost = "birch..example"', "tenants[1].host: 'birch..example' is no host name"),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES)
def test_a_mistake_is_answered_with_line_key_and_fix(right: str, wrong: str, message: str) -> None:
    assert right in GOOD
    with pytest.raises(UsageError) as caught:
        parse(GOOD.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('tenant = "alder"', 'tenant = "cedar"', "tokens.rotation.tenant: no tenant 'cedar' in the profile"),
        ('principal = { token = { env = "T" } }', "principal = {}", "tokens.rotation.principal"),
        ("https://api.example.test/turn", "https://issuer.example.test/turn", "is not in safety.hosts"),
        ('secret = { env = "S" }', "secret = {}", "tokens.rotation.secret"),
    ],
)
def test_an_issuer_that_may_be_turned_is_looked_at_too(right: str, wrong: str, message: str) -> None:
    assert parse(GOOD + TURNED, "staging.toml").tokens is not None
    with pytest.raises(UsageError) as caught:
        parse(GOOD + TURNED.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('"RS384"', '"PS384"', "tokens.recover_public_key: only tokens by RS256, RS384 or RS512 give their key"),
        ("= true", '= "yes"', "tokens.recover_public_key: expected"),
        ("recover_public_key = true", "recover_seconds = 0", "tokens.recover_seconds: expected"),
    ],
)
def test_a_key_is_computed_only_of_tokens_that_can_give_it(right: str, wrong: str, message: str) -> None:
    assert parse(GOOD + COMPUTED, "staging.toml").tokens is not None
    with pytest.raises(UsageError) as caught:
        parse(GOOD + COMPUTED.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


LIVING = """
[tenancy]
operator = { token = { env = "O" } }
[tenancy.operations]
create = { method = "POST", path = "/v1/tenants/{tenant}" }
write = { method = "POST", path = "/v1/tenants/{tenant}/attributions" }
delete = { method = "DELETE", path = "/v1/tenants/{tenant}" }
[tenancy.tenant]
id = "phoenix"
disposable = true
principals.reader.token = { env = "PHOENIX" }
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('id = "phoenix"', 'id = "alder"', "tenancy.tenant.id: 'alder' is one of [[tenants]]"),
        ("disposable = true", "disposable = false", "tenancy.tenant.disposable: must be true"),
        ("delete = {", "remove = {", 'tenancy.operations: needs the operation "delete"'),
        ('operator = { token = { env = "O" } }', "operator = {}", "tenancy.operator: needs exactly one"),
        ('{ env = "PHOENIX" }', "{}", "tenancy.tenant.principals.reader.token: name exactly one"),
    ],
)
def test_a_tenant_that_is_deleted_must_be_nobodys(right: str, wrong: str, message: str) -> None:
    assert parse(GOOD + LIVING, "staging.toml").tenancy is not None
    assert right in LIVING
    with pytest.raises(UsageError) as caught:
        parse(GOOD + LIVING.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


def test_objects_are_made_only_where_two_tenants_are_there_for_tests() -> None:
    way = '{ method = "POST", path = "/v1/tenants/{tenant}/notes" }'
    with pytest.raises(UsageError) as caught:
        parse(f"{GOOD}\n[objects]\ncreate = {way}\ndelete = {way}\n", "staging.toml")
    assert "objects: objects are made in tenants with disposable = true alone" in str(caught.value)


PUBLIC = """
[shares]
create = { method = "POST", path = "/v1/tenants/{tenant}/notes/{id}/shares" }
revoke = { method = "DELETE", path = "/v1/tenants/{tenant}/shares/{id}" }
follow = { method = "GET", path = "/public/{token}" }
plant = { method = "POST", path = "/v1/tenants/{tenant}/notes" }
delete = { method = "DELETE", path = "/v1/tenants/{tenant}/notes/{id}" }
object = { text = "{canary}" }
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("/{token}", "", "shares.follow: nothing in its path stands for what a share is given"),
        ("delete = {", "deplete = {", "deplete"),
        ('delete = { method = "DELETE", path = "/v1/tenants/{tenant}/notes/{id}" }', "", "shares: an object is made"),
        ("{canary}", "", "shares.object: nothing in it stands for what is looked for"),
    ],
)
def test_what_is_shared_is_looked_at_too(right: str, wrong: str, message: str) -> None:
    assert parse(GOOD + PUBLIC, "staging.toml").shares is not None
    assert right in PUBLIC
    with pytest.raises(UsageError) as caught:
        parse(GOOD + PUBLIC.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


KEPT = """
[restore]
export = { method = "POST", path = "/v1/tenants/{tenant}/backups" }
restore = { method = "POST", path = "/v1/tenants/{tenant}/restore" }
plant = { method = "POST", path = "/v1/tenants/{tenant}/notes" }
delete = { method = "DELETE", path = "/v1/tenants/{tenant}/notes/{id}" }
object = { text = "{canary}" }
archive = "id"
body = { backup = "{archive}" }
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("{archive}", "", "restore.body: nothing in it stands for the export"),
        ("{canary}", "", "restore.object: nothing in it stands for what is looked for"),
        ("disposable = true", "", "restore: restoring is tried in tenants with disposable = true alone"),
    ],
)
def test_what_is_put_back_is_looked_at_too(right: str, wrong: str, message: str) -> None:
    whole = GOOD.replace("[[tenants]]", "[[tenants]]\ndisposable = true") + KEPT
    assert parse(whole, "staging.toml").restore is not None
    assert right in whole
    with pytest.raises(UsageError) as caught:
        parse(whole.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


SHOWN = """
[certificates]
otherwise = "alder"
[certificates.tenants]
alder = { certificate = "a.pem", key = "a.key" }
birch = { certificate = "b.pem", key = "b.key" }
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("birch = {", "cedar = {", "certificates.tenants.cedar: no tenant 'cedar' in the profile"),
        ('birch = { certificate = "b.pem", key = "b.key" }', "", "certificates.tenants: has certificates of fewer"),
        ('otherwise = "alder"', 'otherwise = "elm"', "certificates.otherwise: 'elm' has no certificate here"),
        ('key = "b.key"', 'key = ""', "certificates.tenants.key: expected str of length >= 1"),
    ],
)
def test_certificates_are_tenants_own(right: str, wrong: str, message: str) -> None:
    assert parse(GOOD + SHOWN, "staging.toml").certificates is not None
    assert right in SHOWN
    with pytest.raises(UsageError) as caught:
        parse(GOOD + SHOWN.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)
    with pytest.raises(UsageError, match="certificates: nobody asks for a certificate without TLS"):
        parse(GOOD.replace("https://api.example.test", "http://api.example.test:443") + SHOWN, "staging.toml")


ASKED = """
[[names]]
what = "login"
operation = { method = "POST", path = "/login" }
body = { user = "{name}" }
timed = true
known = { alder = "a@alder.example", birch = "b@birch.example" }
secrets = { alder = { env = "S" } }
[[names]]
what = "project"
operation = { method = "POST", path = "/v1/tenants/{tenant}/projects/{name}" }
principal = "reader"
unique = "tenant"
known = { alder = "books", birch = "pay" }
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('birch = "b@', 'cedar = "b@', "names[0].known: no tenant 'cedar' in the profile"),
        (', birch = "pay"', "", "names[1].known: has names of fewer than two tenants"),
        ("/{name}", "", "names[1].body: nothing in it stands for the name"),
        ('principal = "reader"', "", "names[1].principal: who makes it?"),
        ('principal = "reader"', 'principal = "reader"\ntimed = true', "names[1].timed: what makes something"),
        ('{ env = "S" }', "{}", "names[0].secrets.alder: name exactly one"),
        ('unique = "tenant"', 'unique = "all"', "names[1].unique: "),
    ],
)
def test_a_question_by_a_name_is_looked_at_too(right: str, wrong: str, message: str) -> None:
    assert len(parse(GOOD + ASKED, "staging.toml").names) == 2
    assert right in ASKED
    with pytest.raises(UsageError) as caught:
        parse(GOOD + ASKED.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


GRAPHQL = """
[http.graphql]
path = "/graphql"
field = "attribution"
select = "note"
type = "Attribution"
id_type = "Int!"
tenant = "tenant"
node = "Attribution:{id}"
refusals = ["FORBIDDEN"]
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('field = "attribution"', 'field = "a(b)"', "http.graphql.field: 'a(b)' is no name of GraphQL"),
        ('id_type = "Int!"', 'id_type = "[ID]!"', "http.graphql.id_type: '[ID]!' is no name of GraphQL"),
        ('tenant = "tenant"', 'tenant = "$tenant"', "http.graphql.tenant: '$tenant' is no name of GraphQL"),
        ("Attribution:{id}", "Attribution", "http.graphql.node: nothing in it stands for the record's id"),
        ('path = "/graphql"', "", "http.graphql.path: no contract shows where it is served; add the path"),
        ('path = "/graphql"', 'path = "graphql"', "http.graphql.path: a path starts with a slash"),
        ('refusals = ["FORBIDDEN"]', "refusals = []", "http.graphql.refusals: expected array of length >= 1"),
        ('refusals = ["FORBIDDEN"]', "", 'http.graphql: the key "refusals" is missing'),
    ],
)
def test_what_is_said_of_graphql_is_looked_at_too(right: str, wrong: str, message: str) -> None:
    assert parse(GOOD + GRAPHQL, "staging.toml").http.graphql is not None
    with pytest.raises(UsageError) as caught:
        parse(GOOD + GRAPHQL.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('tenant = "alder"', 'tenant = "cedar"', "tokens.test_hmac.tenant: no tenant 'cedar' in the profile"),
        ('\nkey = { env = "K" }', "\nkey = {}", "tokens.test_hmac.key: name exactly one of"),
        ('short_key = { env = "S" }', "short_key = {}", "tokens.test_hmac.short_key: name exactly one of"),
        ('short_key = { env = "S" }\n', "", 'tokens.test_hmac: the key "short_key" is missing; add it'),
    ],
)
def test_of_lent_shared_keys_there_are_two(right: str, wrong: str, message: str) -> None:
    assert parse(GOOD + SHARED, "staging.toml").tokens is not None
    assert right in SHARED
    with pytest.raises(UsageError) as caught:
        parse(GOOD + SHARED.replace(right, wrong), "staging.toml")
    assert message in str(caught.value)


def test_the_claim_that_tells_tokens_apart_is_not_the_same_in_all() -> None:
    lent = """
[tokens]
audience = "a"
jwks = { i = "https://api.example.test/jwks" }
[tokens.test_key]
issuer = "i"
subject = "s"
tenant = "alder"
key = { env = "K" }
one_time = { claims = { use = "once" } }
"""
    assert parse(GOOD + lent, "staging.toml").tokens is not None
    with pytest.raises(UsageError, match=r"tokens\.test_key\.one_time\.claims: 'jti' is each token's own; take it out"):
        parse(GOOD + lent.replace("use =", "jti ="), "staging.toml")


def test_every_mistake_of_meaning_is_named_at_once() -> None:
    wrong = GOOD.replace('{ env = "BIRCH" }', "{}").replace('id = "birch"', 'id = "alder"')
    with pytest.raises(UsageError) as caught:
        parse(wrong, "staging.toml")
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tenantproof init"):
        load(tmp_path / "none.toml")


def test_bytes_that_are_no_text_are_an_error_and_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        load(path)


def test_a_sub_table_belongs_to_the_array_member_above_it() -> None:
    text = "[[t]]\nid = 1\n[t.aws]\nkey = 1\n[[t]]\nid = 2\n[t.aws]\nkey = 2\n"
    assert line_of(text, ("t", 0, "aws", "key")) == 4
    assert line_of(text, ("t", 1, "aws", "key")) == 8
    assert line_of(text, ("t", 1, "aws", "absent")) == 7
