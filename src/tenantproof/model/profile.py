"""The target profile: everything the harness may know about a deployment, and what it may do to it.

An unknown key is an error in every table, so that a typo can't switch a safety off.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tenantproof.model import (
    aggregation_profile,
    certificates_profile,
    erasure_profile,
    evidence_profile,
    graphql_profile,
    legal_path,
    links_profile,
    names_profile,
    objects_profile,
    quota_profile,
    reconciliation_profile,
    restore_profile,
    shares_profile,
    streams_profile,
    tenancy_profile,
    webhooks_profile,
)

_Text = Annotated[str, Meta(min_length=1)]


class Secret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a secret is; never the secret itself. Exactly one of the two."""

    env: str = ""
    file: str = ""


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the target says who it is; asserted before the first probe."""

    path: _Text
    expect: dict[str, str]


class Refusal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the contract refuses: status, the machine-readable code, and the body where it is fixed."""

    status: int
    code: _Text
    body: dict[str, str] | None = None


class Operation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operation of the API: a method and a path template over {tenant} and {id}, and {parent} between them."""

    method: _Text
    path: _Text


class Http(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tenant-facing API. `operations` needs `read` and `list`; `trail` makes QA-3 and SU-5 possible.

    `search`, if there is one, is asked for what is another's, as is all of the contract that takes free text.
    `checkpoint`, `inclusion` and `consistency` let a trail be verified, and `heads` with `heads_key` lets all trails be
    held to one head over their heads (docs/trail-format.md).
    """

    contract: str = ""
    operations: dict[str, Operation]
    refusals: dict[str, Refusal]
    code_field: str = "error"
    tenant_parameter: str = ""
    """The path parameter of the contract that names the tenant; inferred from its name when empty."""
    object_parameter: str = ""
    """The path parameter that names an object of the tenant; inferred when empty."""
    search_parameter: _Text = "q"
    """The query parameter that takes what `search` looks for."""
    http2: bool | None = None
    """True: HTTP/2 is spoken without TLS too (prior knowledge). False: it is left out. Otherwise TLS tells (ALPN)."""
    graphql: graphql_profile.Graphql | None = None
    heads_key: str = ""
    """The public key (NAME+ID+BASE64) of the head over all trails' heads."""


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """OAuth 2.0 client credentials (RFC 6749 section 4.4)."""

    url: _Text
    client_id: _Text
    client_secret: Secret
    scope: str = ""


class PasswordForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A login form: names and values of its fields, the password, and where in the JSON answer the token is."""

    url: _Text
    fields: dict[str, str] = {}
    """Such as grant_type, client_id or scope (RFC 6749 section 4.3)."""
    user_field: _Text = "username"
    user: _Text
    password_field: _Text = "password"  # noqa: S105  # the name of a field
    password: Secret
    token_field: _Text = "access_token"  # noqa: S105  # the name of a field
    """Dots lead into objects, as in data.token."""


class Authenticator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lent second factor: an ES256 private key (PEM) that signs challenges, the secret of a code, a security key.

    `credential`, `relying_party` and `origin` are a security key's (Web Authentication).
    """

    kind: Literal["assertion-es256", "totp", "webauthn"]
    key: Secret
    credential: str = ""
    relying_party: str = ""
    origin: str = ""


class Principal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody the harness may act as: by client credentials, by a password, or by a static token."""

    client: ClientCredentials | None = None
    login: PasswordForm | None = None
    token: Secret | None = None
    mfa: Authenticator | None = None


class AwsPrincipal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AWS credentials lent to the harness, and the ARN that they should turn out to be."""

    arn: _Text
    access_key_id: _Text
    secret_access_key: Secret
    session_token: Secret | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record that exists at the target, and the canary that only its owner may ever see."""

    id: _Text
    canary: Annotated[str, Meta(min_length=16)]
    parent: str = ""
    """The id of the object that it stands in, where paths name one."""


class Database(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant's own login to its own PostgreSQL database. `ca` is a file with a PEM certificate."""

    host: _Text
    port: int = 5432
    database: _Text
    user: _Text
    password: Secret
    ca: str = ""


class Tenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tenant; `principals` needs a `reader`, and an `approver` where support is under audit."""

    id: _Text
    name: str = ""
    host: str = ""
    """The host name of its own under which it is served, where tenants have such names."""
    region: str = ""
    jurisdiction: Literal["eu", "non-eu", ""] = ""
    disposable: bool = False
    account: str = ""
    key_arn: str = ""
    key_alias: str = ""
    """The alias under which the vendor looks the key up, such as "alias/orders", if it does."""
    rotation_days: int = 365
    """The longest rotation period that the tenant accepts, in days."""
    notices: str = ""
    principals: dict[str, Principal]
    aws: dict[str, AwsPrincipal] = {}
    records: tuple[Record, ...] = ()
    database: Database | None = None
    service_roles: tuple[str, ...] = ()
    """The login roles of the service itself in the database; no other may connect to it."""
    database_instance: str = ""
    """The RDS instance that holds the database."""
    bucket: str = ""
    """The tenant's own S3 bucket."""
    trail_key: str = ""
    """The public key that signs the heads of the tenant's trail, as note tools write it: NAME+ID+BASE64."""


class OneTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tokens by the lent key that are for one use (RFC 7519 section 4.1.7), and what marks them.

    Without `header` and `claims` every token by the key is for one use.
    """

    claim: _Text = "jti"
    """The claim by which the target knows a token that was used."""
    header: dict[str, str] = {}
    """Members of their header, such as typ."""
    claims: dict[str, str] = {}
    """Further claims of theirs."""


class LentKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signing key that is lent for conformance tests: its issuer is trusted, and vouches for one subject alone."""

    issuer: _Text
    subject: _Text
    tenant: _Text
    """The tenant that the subject belongs to."""
    key: Secret
    """An ES256 private key (PEM); its public half is in the issuer's JWK set."""
    rsa_key: Secret | None = None
    """An RSA private key (PEM) whose public half is there too, for RS256, PS256 or, under two ids, both."""
    claims: dict[str, str] = {}
    """Further claims of a good token, such as scope."""
    one_time: OneTime | None = None


class LentHmac(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two shared keys that are lent for conformance tests; the target holds both of one issuer, and may use one.

    Each is a symmetric JWK (RFC 7518 section 6.4). `alg` is HS256 where it says none.
    """

    issuer: _Text
    subject: _Text
    tenant: _Text
    """The tenant that the subject belongs to."""
    key: Secret
    """As long as its hash or longer: a token by it must do."""
    short_key: Secret
    """Shorter than its hash: a token by it must not do (RFC 7518 section 3.2)."""
    claims: dict[str, str] = {}
    """Further claims of a good token, such as scope."""


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An issuer that is there to have its keys turned; nobody else's tokens are of it."""

    tenant: _Text
    """The tenant that the principal belongs to."""
    principal: Principal
    """Who gets tokens of it; their scopes let it read."""
    url: _Text
    """What a POST with the secret as its bearer token makes the issuer do as the body says."""
    secret: Secret
    renew: dict[str, bool | int | str] = {}
    """The JSON body that has a new key made beside the old one."""
    withdraw: dict[str, bool | int | str] = msgspec.field(default_factory=lambda: {"withdraw": True})
    """The JSON body that has a new key made and every other one withdrawn."""
    seconds: Annotated[int, Meta(ge=1, le=600)] = 5
    """Within how many seconds tokens by a withdrawn key are refused, as the target promises."""


class Tokens(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a genuine token looks like, so that a forged one can be told from it."""

    audience: _Text
    jwks: dict[str, str] = {}
    """Issuer to the URL of its JWK set."""
    algorithms: tuple[str, ...] = ("ES256",)
    header: _Text = "Authorization"
    """The header that carries a token."""
    prefix: str = "Bearer "
    """What stands before a token in its header."""
    test_key: LentKey | None = None
    test_hmac: LentHmac | None = None
    rotation: Rotation | None = None
    refusals: tuple[str, ...] = ("token",)
    """Names of http.refusals that refuse a token; "token" always does."""
    recover_public_key: bool | None = None
    """Whether the RSA key of an issuer is computed from two tokens (extra `recovery`).

    True: where its key set is named, too. False: never. Otherwise: where no key set is named.
    """
    recover_seconds: Annotated[int, Meta(ge=1, le=3600)] = 300
    """For how long one key may be computed."""


class Aws(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The AWS endpoint that holds the tenants' keys; `endpoint` is empty for AWS itself."""

    endpoint: str = ""
    region: _Text
    workload: AwsPrincipal
    allowed_actions: tuple[str, ...] = ("kms:Decrypt", "kms:GenerateDataKey")
    auditor: AwsPrincipal | None = None
    """May read IAM in the vendor's account; without it nothing is known of the vendor's own policies."""
    laboratory: AwsPrincipal | None = None
    """Administers an account that holds nothing: there the harness asks how this AWS behaves, and may destroy."""
    disposable_keys: bool = False
    export_prefix: str = "exports/"
    """Where in a tenant's bucket the workload may write."""


class Support(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The break-glass path: who of the vendor may ask, and the operations of the legal path.

    Every near miss is derived from what stands here: which steps there are, who takes them, and what they say.
    """

    principals: dict[str, Principal]
    operations: dict[str, Operation]
    max_seconds: int
    shortest_seconds: int = 1
    grant_header: str = "Support-Grant"
    path: Annotated[tuple[_Text, ...], Meta(min_length=2)] = legal_path.PATH
    """The steps that lead to access, in their order; "request" is the first."""
    actors: dict[str, Literal["asker", "approver"]] = {}
    """Who takes a step, where it is not as in `legal_path.ACTORS`."""
    bodies: dict[str, dict[str, Any]] = {}
    """What a step says, where it is not as in `legal_path.BODIES`: JSON with the placeholders named there."""
    answers: dict[str, str] = {}
    """Members of answers, where they are not called as in `legal_path.ANSWERS`."""
    factor_message: str = legal_path.FACTOR_MESSAGE
    """What a second factor signs, with the placeholders {step}, {id}, {digest} and {challenge}."""
    challenge_seconds: float = 300.0
    """For how long a challenge may be good."""
    residue_seconds: float = 1.0
    """How long after its end an access may still have an effect."""
    arns: tuple[str, ...] = ()
    """Support's identities at AWS: roles and users that must hold nothing on a tenant's key."""
    notice_word: str = ""
    """What a notice that an access begins says, and no other notice does."""


class Safety(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the harness may do. Everything is refused that is not allowed here."""

    hosts: tuple[_Text, ...]
    """host:port pairs; nothing else is ever contacted."""
    requests_per_second: Annotated[float, Meta(ge=0)] = 20.0
    """0: no limit."""
    connections: Annotated[int, Meta(ge=1, le=64)] = 4
    timeout_seconds: Annotated[float, Meta(gt=0)] = 10.0
    allow_writes: bool = False
    allow_destructive: bool = False
    allow_listener: bool = False
    """Whether the target may be told of a server of the harness's own on the loopback: in tokens, and for webhooks."""


class TargetTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The deployment's name, its base URL and its identity."""

    name: _Text
    base_url: _Text
    identity: Identity


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole target profile; `schema` is "tenantproof.profile/1"."""

    schema: Literal["tenantproof.profile/1"]
    target: TargetTable
    safety: Safety
    http: Http
    tenants: Annotated[tuple[Tenant, ...], Meta(min_length=2)]
    logs: tuple[str, ...] = ()
    """The target's own logs that can be read here: files, or folders of files named *.log."""
    tokens: Tokens | None = None
    aws: Aws | None = None
    support: Support | None = None
    aggregation: aggregation_profile.Aggregation | None = None
    kafka: streams_profile.Kafka | None = None
    resolution: streams_profile.Resolution | None = None
    erasure: erasure_profile.Erasure | None = None
    links: links_profile.Links | None = None
    restore: restore_profile.Restore | None = None
    shares: shares_profile.Shares | None = None
    tenancy: tenancy_profile.Tenancy | None = None
    webhooks: webhooks_profile.Webhooks | None = None
    quota: quota_profile.Quota | None = None
    certificates: certificates_profile.Certificates | None = None
    objects: objects_profile.Objects | None = None
    names: tuple[names_profile.Question, ...] = ()
    evidence: evidence_profile.Evidence = evidence_profile.Evidence()
    reconciliation: reconciliation_profile.Reconciliation = reconciliation_profile.Reconciliation()
