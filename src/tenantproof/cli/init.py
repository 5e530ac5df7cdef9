"""`tenantproof init`: a target profile to fill in, with every choice explained where it is made."""

from __future__ import annotations

import click

PROFILE = """\
# A target profile: what tenantproof may know about a deployment, and what it may do to it.
# Fill it in, then: tenantproof doctor --target THIS-FILE, then: tenantproof run --target THIS-FILE
# Secrets never stand here: a secret is {{ env = "NAME" }} or {{ file = "/path" }}.
schema = "tenantproof.profile/1"

[target]
name = "{name}"
base_url = "{base_url}"

# Asked before the first probe. If the answer differs, nothing is sent and the run ends 3.
[target.identity]
path = "/.well-known/venturi-deployment"
expect = {{ product = "venturi", environment = "staging" }}

[safety]
hosts = ["{host}"]            # host:port (443 without a port); nothing else is ever contacted
requests_per_second = 20.0
connections = 4
timeout_seconds = 10.0
allow_writes = false          # break-glass checks write requests, approvals and grants
allow_destructive = false     # and even then only on tenants that are marked disposable
allow_listener = false        # tokens and webhooks may name a server of the harness's own, on the loopback

[http]
code_field = "error"          # the member of an error body that holds the machine-readable code
# http2 = true                # HTTP/2 is spoken without TLS too; false: leave it out. Without either, TLS tells (ALPN)
[http.operations]
read = {{ method = "GET", path = "/v1/tenants/{{tenant}}/attributions/{{id}}" }}
list = {{ method = "GET", path = "/v1/tenants/{{tenant}}/attributions" }}
trail = {{ method = "GET", path = "/v1/tenants/{{tenant}}/audit/events" }}
# search = {{ method = "GET", path = "/v1/tenants/{{tenant}}/search" }}   # with search_parameter = "q" in [http]
# Where records stand in other objects: path = "/v1/tenants/{{tenant}}/files/{{parent}}/notes/{{id}}", and a parent for
# each record.
# With these three and a trail_key of each tenant, trails are held to their signed heads (docs/trail-format.md).
# checkpoint = {{ method = "GET", path = "/v1/tenants/{{tenant}}/audit/checkpoint" }}
# inclusion = {{ method = "GET", path = "/v1/tenants/{{tenant}}/audit/proofs/inclusion" }}
# consistency = {{ method = "GET", path = "/v1/tenants/{{tenant}}/audit/proofs/consistency" }}
[http.refusals]
mismatch = {{ status = 403, code = "TENANT_MISMATCH" }}
token = {{ status = 401, code = "INVALID_TOKEN" }}
absent = {{ status = 404, code = "NOT_FOUND" }}
# Records that can be read by GraphQL as well: the field of Query that gives one, and the codes that refuse.
# [http.graphql]
# path = "/graphql"
# field = "attribution"
# id = "id"                   # its arguments
# tenant = "tenant"
# select = "id note"          # with the canary in it
# type = "Attribution"
# node = "Attribution:{{id}}"   # what node(id:) takes, in base64; without it there is no node
# refusals = ["FORBIDDEN"]    # at extensions.code of each error

# What a genuine token looks like; without this table the token checks are not assessed.
# [tokens]
# audience = "https://api.example.com"
# algorithms = ["ES256", "RS256"]   # ES256 alone unless said
# recover_public_key = true   # an RSA key is computed from two tokens, too; false: never. Without either, where no key
#                             # set of the issuer is named (pip install 'tenantproof[recovery]')
# recover_seconds = 300       # half a minute for 2048 bits
# [tokens.jwks]               # issuers and their key sets; add their hosts to safety.hosts
# "https://issuer.example.com" = "https://issuer.example.com/jwks"
# "https://conformance.example.com" = "https://conformance.example.com/jwks"
# "https://turning.example.com" = "https://turning.example.com/jwks"
# [tokens.test_key]           # an issuer for conformance tests: well-signed tokens that say what none may
# issuer = "https://conformance.example.com"
# subject = "conformance"
# tenant = "alder"
# key = {{ file = "/run/secrets/conformance.pem" }}          # P-256, published for ES256
# rsa_key = {{ file = "/run/secrets/conformance-rsa.pem" }}  # published for RS256, PS256 or, under two ids, both
# [tokens.test_key.one_time]  # tokens by that key that are for one use; without header and claims all of them are
# claim = "jti"               # what the target knows a used token by
# header = {{ typ = "once+jwt" }}
# claims = {{ use = "once" }}
# [tokens.test_hmac]          # two shared keys of one issuer as JWKs: the target takes tokens by the first alone
# issuer = "https://conformance.example.com"
# subject = "conformance"
# tenant = "alder"
# key = {{ file = "/run/secrets/conformance-hmac.jwk" }}              # as long as its hash
# short_key = {{ file = "/run/secrets/conformance-short-hmac.jwk" }}  # shorter: the target holds it and must not use it
# [tokens.rotation]           # an issuer whose keys the harness may renew and withdraw: it has no other principals
# tenant = "alder"
# url = "https://turning.example.com/admin/rotate"
# secret = {{ env = "TURNING_SECRET" }}
# seconds = 5                 # tokens by a withdrawn key are refused within
# [tokens.rotation.principal.client]
# url = "https://turning.example.com/token"
# client_id = "turner"
# client_secret = {{ env = "TURNER_SECRET" }}

# Read access to the tenants' keys; without this table the key checks are not assessed.
# [aws]
# region = "us-east-1"
# [aws.workload]              # the vendor's workload, whose rights are under audit
# arn = "arn:aws:sts::111122223333:assumed-role/workload/audit"
# access_key_id = "AKIA..."
# secret_access_key = {{ env = "WORKLOAD_SECRET" }}
# [aws.auditor]               # may read IAM in the vendor's account
# arn = "arn:aws:iam::111122223333:user/auditor"
# access_key_id = "AKIA..."
# secret_access_key = {{ env = "AUDITOR_SECRET" }}
# [aws.laboratory]            # administers an account that holds nothing; asked there how this AWS behaves
# arn = "arn:aws:iam::444455556666:root"
# access_key_id = "AKIA..."
# secret_access_key = {{ env = "LABORATORY_SECRET" }}

# The event streams (Kafka, SASL over TLS); without this table they are not assessed. The broker goes into safety.hosts.
# [kafka]
# bootstrap = "kafka.example.com:9093"
# ca = "/etc/ssl/kafka.pem"
# support = ["support"]       # users of the vendor's support at the broker, to whom nothing may be permitted
# [kafka.auditor]             # holds DESCRIBE on the cluster; without it nobody else's permissions are judged
# user = "auditor"
# password = {{ env = "KAFKA_AUDITOR" }}
# [kafka.tenants.alder]
# topic = "alder.events"
# group = "alder.stage-a"
# producer = {{ user = "alder.ingest", password = {{ env = "ALDER_INGEST" }} }}
# consumer = {{ user = "alder.resolver", password = {{ env = "ALDER_RESOLVER" }} }}

# What is done with a finished bundle: the time stamped by an authority, and a copy that nobody can change (S3 with
# Object Lock; credentials as AWS tools find them on this machine).
# [evidence]
# timestamp = "https://tsa.example.com/tsr"
# [evidence.archive]
# bucket = "evidence-of-isolation"
# mode = "COMPLIANCE"
# days = 365

# Links that the API hands out, each to an object with the tenant's canaries in it; their hosts belong in safety.hosts.
# [links]
# operation = {{ method = "POST", path = "/v1/tenants/{{tenant}}/exports" }}
# principal = "steward"
# body = {{ link_seconds = 60 }}
# member = "link"
# brief = {{ link_seconds = 1 }}        # asked like this, it gives a link that must be dead ...
# seconds = 1                          # ... so many seconds later

# Links by which a tenant shows an object to whoever holds them.
# [shares]
# create = {{ method = "POST", path = "/v1/tenants/{{tenant}}/attributions/{{id}}/shares" }}
# revoke = {{ method = "DELETE", path = "/v1/tenants/{{tenant}}/shares/{{id}}" }}
# follow = {{ method = "GET", path = "/public/{{token}}" }}   # where an answer has no link, but what makes one
# principal = "steward"
# link = "token"                       # members of the answer: the link, or what makes one of follow ...
# member = "id"                        # ... and what revoke takes
# plant = {{ method = "POST", path = "/v1/tenants/{{tenant}}/notes" }}          # an object that is shared, and deleted
# delete = {{ method = "DELETE", path = "/v1/tenants/{{tenant}}/notes/{{id}}" }}
# object = {{ text = "{{canary}}" }}
# seconds = 1                          # after which nothing of what is over is shown

# Events that a tenant has sent to a URL: that of a server of the harness's own, which safety.allow_listener permits.
# [webhooks]
# register = {{ method = "POST", path = "/v1/tenants/{{tenant}}/webhooks" }}
# unregister = {{ method = "DELETE", path = "/v1/tenants/{{tenant}}/webhooks/{{id}}" }}
# trigger = {{ method = "POST", path = "/v1/tenants/{{tenant}}/records" }}
# replay = {{ method = "POST", path = "/v1/tenants/{{tenant}}/deliveries/{{id}}/replay" }}
# principal = "steward"
# body = {{ url = "{{url}}" }}           # what register is sent
# event = {{ text = "{{canary}}" }}      # what trigger is sent; the event that comes of it has the canary in it
# seconds = 10                         # within which it arrives

# How many reads of one tenant the target takes; given, a tenant's quota is used up, and the others' looked at.
# [quota]
# requests = 100
# seconds = 60                         # after which it takes requests again

# What clients show of themselves over TLS (mutual TLS): a certificate of each tenant. Its base_url is https.
# [certificates]
# otherwise = "alder"                  # whose is shown in what nobody in particular sends
# required = true                      # whoever shows none is refused
# enough = false                       # true: a certificate says alone who somebody is, without a token
# bound = false                        # true: tokens name in cnf the certificate that they are good with (RFC 8705)
# [certificates.tenants]
# alder = {{ certificate = "/etc/ssl/alder.pem", key = "/run/secrets/alder.key" }}
# birch = {{ certificate = "/etc/ssl/birch.pem", key = "/run/secrets/birch.key" }}

# Objects that may be made and deleted again, in tenants that are marked disposable = true.
# [objects]
# create = {{ method = "POST", path = "/v1/tenants/{{tenant}}/notes" }}
# delete = {{ method = "DELETE", path = "/v1/tenants/{{tenant}}/notes/{{id}}" }}
# principal = "reader"
# body = {{ text = "{{random}}" }}
# between = 8                          # one tenant makes so many between two of another

# Exports that may be put back, in tenants that are marked disposable = true; safety.allow_destructive permits it.
# [restore]
# export = {{ method = "POST", path = "/v1/tenants/{{tenant}}/backups" }}
# restore = {{ method = "POST", path = "/v1/tenants/{{tenant}}/restore" }}
# archive = "id"                       # the member of export's answer that restore takes; without it, the whole answer
# body = {{ backup = "{{archive}}" }}    # what restore is sent; without it, that alone
# principal = "steward"
# plant = {{ method = "POST", path = "/v1/tenants/{{tenant}}/notes" }}         # an object that is deleted and put back
# delete = {{ method = "DELETE", path = "/v1/tenants/{{tenant}}/notes/{{id}}" }}
# object = {{ text = "{{canary}}" }}
# seconds = 10                         # within which it is back

# Questions that are asked by a name: of somebody (a login, a reset, an invitation), or one that is given only once.
# [[names]]
# what = "login"
# operation = {{ method = "POST", path = "/login" }}
# body = {{ user = "{{name}}", password = "{{secret}}" }}
# form = true                          # the body is a form
# secrets = {{ alder = {{ env = "ALDER_PASSWORD" }} }}   # for one's own question, which must be answered 2xx
# timed = true                         # answers are timed too; some 30 to 300 questions by a name must not lock it
# [names.known]                        # a name of each tenant
# alder = "a.rowan@alder.example"
# birch = "b.hazel@birch.example"
# [[names]]
# what = "project"
# operation = {{ method = "POST", path = "/v1/tenants/{{tenant}}/projects" }}
# remove = {{ method = "DELETE", path = "/v1/tenants/{{tenant}}/projects/{{id}}" }}
# principal = "reader"                 # who asks; without it, nobody in particular
# body = {{ slug = "{{name}}" }}
# unique = "tenant"                    # or "global", by a contract that everybody knows
# varying = ["created"]                # members of answers that are new every time, besides the id
# [names.known]
# alder = "quarterly-books"
# birch = "payroll-import"

# A tenant that may be made, deleted, and made again under its name; it is asked for what its former self had.
# [tenancy]
# body = {{ name = "{{tenant}}" }}       # what create is sent
# template = {{ weight = 1.0 }}         # a record; id and text are added
# text = "note"
# seconds = 10                         # within which a tenant is there, or is no more
# [tenancy.operations]
# create = {{ method = "POST", path = "/v1/tenants/{{tenant}}" }}
# write = {{ method = "POST", path = "/v1/tenants/{{tenant}}/records" }}
# delete = {{ method = "DELETE", path = "/v1/tenants/{{tenant}}" }}
# [tenancy.operator.client]
# url = "https://issuer.example.com/token"
# client_id = "operator"
# client_secret = {{ env = "OPERATOR_SECRET" }}
# [tenancy.tenant]
# id = "phoenix"
# disposable = true
# [tenancy.tenant.principals.reader.client]
# url = "https://issuer.example.com/token"
# client_id = "phoenix"
# client_secret = {{ env = "PHOENIX_SECRET" }}

# Where requests and trails are held against each other, when trails outgrow a file of SQLite (extra `ibis`).
# [reconciliation]
# backend = "duckdb://"
# folder = "/var/tmp"

# The break-glass path; without this table the support checks are not assessed.
# [support]
# max_seconds = 3600
# arns = ["arn:aws:iam::111122223333:role/support"]   # support's identities at AWS, which must reach no tenant's key
# [support.principals.support-1]
# client = {{ url = "https://issuer.example.com/token", client_id = "support-1", client_secret = {{ env = "S1" }} }}
# mfa = {{ kind = "assertion-es256", key = {{ file = "/run/secrets/support-1.pem" }} }}
# [support.operations]
# request = {{ method = "POST", path = "/v1/support/requests" }}
# challenge = {{ method = "POST", path = "/v1/support/requests/{{id}}/challenges" }}
# activate = {{ method = "POST", path = "/v1/support/requests/{{id}}/activate" }}
# approve = {{ method = "POST", path = "/v1/tenants/{{tenant}}/support/requests/{{id}}/approve" }}

# At least two tenants that you own, each with one record and its canary: a text that nobody could guess.
{tenants}"""
_TENANT = """\
[[tenants]]
id = "{id}"
name = "{id}"
jurisdiction = ""             # "eu" or "non-eu"
disposable = false
# host = "{id}.example.com"   # where tenants have host names of their own
# key_arn = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"   # with [aws]
[tenants.principals.reader.client]
url = "https://issuer.example.com/token"
client_id = "{id}"
client_secret = {{ env = "{env}" }}
[[tenants.records]]
id = "REPLACE-{id}"
canary = "REPLACE-WITH-A-CANARY-OF-{id}"
"""


@click.command(name="init")
@click.option("--name", default="staging", show_default=True, help="A name for the deployment.")
@click.option("--base-url", default="https://api.example.com", show_default=True, help="Where its API is.")
@click.option(
    "--tenant", "tenants", multiple=True, default=("alder", "birch"), show_default=True, help="A tenant's id."
)
def command(name: str, base_url: str, tenants: tuple[str, ...]) -> None:
    """Print a target profile to fill in: tenantproof init > staging.toml"""
    host = base_url.removeprefix("https://").removeprefix("http://").split("/")[0]
    blocks = [_TENANT.format(id=tenant, env=f"{_env(tenant)}_SECRET") for tenant in tenants]
    click.echo(PROFILE.format(name=name, base_url=base_url, host=host, tenants="\n".join(blocks)), nl=False)


def _env(tenant: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in tenant).upper()
