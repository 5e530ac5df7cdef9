"""What each process of the deployment is told when it starts: addresses, credentials, keys; never from argv or env."""

from __future__ import annotations

import msgspec

from venturi.streams.settings import IngestStreams


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A client that may ask an issuer for tokens."""

    client_id: str
    client_secret: str
    subject: str
    scopes: tuple[str, ...]


class IssuerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The issuer process: one OpenID provider per tenant, and the vendor's.

    The signing key of every issuer is made by the process and never leaves it, unless `keys` says otherwise.
    """

    audience: str
    issuers: dict[str, tuple[ClientSettings, ...]]
    """Issuer name to its clients; served at <base>/issuers/<name>."""
    admin_secret: str
    """Bearer secret of POST /issuers/<name>/admin/rotate, of any issuer."""
    keepers: dict[str, str] = {}
    """Issuer name to another such secret, good for this one alone."""
    keys: dict[str, str] = {}
    """Issuer name to the ES256 private key (PEM) that it begins with; all others make their own."""
    published: dict[str, tuple[dict[str, str | list[str]], ...]] = {}
    """Issuer name to further public keys (JWK) that stand in its key set, whoever signs with them."""
    overlay: str = ""


class AwsIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials that the AWS front knows: an access key, its secret, and the ARN it stands for."""

    access_key_id: str
    secret_access_key: str
    arn: str


class AwsMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Where the AWS process keeps what it has acknowledged, for one that is started after it."""

    directory: str
    key: str
    """32 bytes, base64: what the files are sealed under. It is in the supervisor's memory alone."""


class AwsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The AWS process: moto behind the strict front. `root` may do anything and is used for provisioning alone."""

    identities: tuple[AwsIdentity, ...]
    """Users and role sessions; an account's root has the ARN arn:aws:iam::<account>:root."""
    memory: AwsMemory | None = None
    """None: nothing is kept, and everything ends with the process."""
    overlay: str = ""


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One login to one database, over TLS on loopback; `ca` is a PEM certificate."""

    host: str
    port: int
    database: str
    user: str
    password: str
    ca: str


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the API process holds for one tenant."""

    id: str
    name: str
    region: str
    jurisdiction: str
    app: DatabaseSettings
    guard: DatabaseSettings
    key_arn: str
    topic_arn: str
    """SNS topic in the tenant's account that notices of support access go to."""
    trail_key: str
    """Ed25519 private key (PEM) that signs the tenant's checkpoints and receipts."""
    bucket: str = ""
    """S3 bucket in the tenant's account that exports go to."""


class AwsClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the API process reaches AWS, and as whom (the workload role)."""

    endpoint: str
    access_key_id: str
    secret_access_key: str


class SupportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of break-glass access, in seconds."""

    max_seconds: int = 3600
    shortest_seconds: int = 1
    challenge_seconds: int = 300
    request_seconds: int = 3600
    """How long a request waits for approval before it lapses."""
    relying_party: str = "venturi.example"
    origin: str = "https://console.venturi.example"
    """The page that security keys are used on, and whom they are used for (Web Authentication)."""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One jurisdiction's aggregation store: the logins that the API process holds to it."""

    egress: DatabaseSettings
    pipeline: DatabaseSettings
    reader: DatabaseSettings
    key: str
    """Ed25519 private key (PEM) that signs the jurisdiction's releases."""


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The API process. Who a subject is stands in the control database, not here."""

    deployment: str
    version: str
    audience: str
    issuer_base: str
    """<issuer_base>/issuers/<name> is each trusted issuer."""
    issuers: tuple[str, ...]
    """Names of the trusted issuers: the tenants' ids and "venturi"."""
    algorithms: dict[str, tuple[str, ...]] = {}
    """Issuer name to the algorithms that it may sign with, where that is not ES256 alone."""
    tenants: tuple[TenantSettings, ...]
    control: DatabaseSettings
    vendor_trail_key: str
    """Signs the vendor's own security trail, which is in the control database."""
    aws: AwsClientSettings
    cursor_key: str
    factor_key: str
    """32 bytes, base64: seals the secrets of authenticator codes in the control database."""
    aggregation: dict[str, StoreSettings]
    """Jurisdiction to its store."""
    support: SupportSettings = SupportSettings()
    streams: IngestStreams | None = None
    """None: no broker; events are not taken."""
    proxies: tuple[str, ...] = ()
    """Addresses of the reverse proxies that are believed when they say whom they speak for (X-Forwarded-For)."""
    traces: str = ""
    """URL of a collector of OpenTelemetry spans (OTLP over HTTP); none are made without it."""
    overlay: str = ""
