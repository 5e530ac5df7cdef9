"""What KMS does with keys themselves: kinds, versions, imported material, copies in other Regions, and their end."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from tests.aws.served import ALDER, BIRCH, Cloud, document
from tests.aws.test_aws_keys_over_the_wire import code_of
from venturi.aws.caller import Caller
from venturi.aws.faults import AwsFault
from venturi.aws.key_states import require_usable
from venturi.aws.keystore.operations import Operations
from venturi.aws.keystore.order import Order
from venturi.aws.keystore.records import Key
from venturi.aws.keystore.sealing import seal, unseal
from venturi.aws.keystore.shapes import require_bounds, require_types
from venturi.aws.keystore.store import KeyStore

_OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)


class Calendar:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def store(calendar: Calendar) -> KeyStore:
    return KeyStore(calendar)


def order(store: KeyStore, action: str, key: Key | None, **params: Any) -> Order:
    caller = Caller("AKIA", f"arn:aws:iam::{ALDER}:root")
    return Order(store, caller, key.region if key else "us-east-1", action, params, key, dict, "request")


def perform(store: KeyStore, action: str, key: Key | None, **params: Any) -> dict[str, Any]:
    return Operations().perform(order(store, action, key, **params))


def test_a_key_is_gone_when_its_waiting_period_ends_and_its_material_with_it(
    store: KeyStore, calendar: Calendar
) -> None:
    key = store.make(ALDER, "us-east-1")
    blob = seal(key, b"x", {})
    perform(store, "ScheduleKeyDeletion", key, PendingWindowInDays=7)
    calendar.now += timedelta(days=7, seconds=-1)
    assert store.find(key.id, ALDER, "us-east-1") is key
    calendar.now += timedelta(seconds=1)
    assert store.find(key.id, ALDER, "us-east-1") is None
    with pytest.raises(AwsFault):
        unseal(key, blob, {})


def test_a_key_is_rotated_when_its_period_is_over_and_still_opens_what_it_sealed(
    store: KeyStore, calendar: Calendar
) -> None:
    key = store.make(ALDER, "us-east-1")
    perform(store, "EnableKeyRotation", key, RotationPeriodInDays=90)
    blob = seal(key, b"before", {"a": "b"})
    calendar.now += timedelta(days=181)
    assert store.find(key.id, ALDER, "us-east-1") is key
    rotations = perform(store, "ListKeyRotations", key)["Rotations"]
    assert [(each["RotationType"], each["KeyMaterialState"]) for each in rotations] == [
        ("AUTOMATIC", "NON_CURRENT"),
        ("AUTOMATIC", "CURRENT"),
    ]
    opened, version = unseal(key, blob, {"a": "b"})
    assert (opened, version is key.current) == (b"before", False)


def test_on_demand_rotations_are_counted_and_listed(store: KeyStore) -> None:
    key = store.make(ALDER, "us-east-1")
    for _ in range(25):
        perform(store, "RotateKeyOnDemand", key)
    with pytest.raises(AwsFault, match="LimitExceededException"):
        perform(store, "RotateKeyOnDemand", key)
    assert len(perform(store, "ListKeyRotations", key)["Rotations"]) == 25


def test_imported_material_expires_and_only_the_same_comes_back(store: KeyStore, calendar: Calendar) -> None:
    operations, key = Operations(), store.make(ALDER, "us-east-1", origin="EXTERNAL")

    def bring(secret: bytes, **expiry: Any) -> dict[str, Any]:
        asked = order(store, "GetParametersForImport", key, WrappingAlgorithm="RSAES_OAEP_SHA_256",
                      WrappingKeySpec="RSA_2048")  # fmt: skip
        lent = operations.perform(asked)
        taken = {"ImportToken": lent["ImportToken"], "EncryptedKeyMaterial": _wrapped(lent["PublicKey"], secret)}
        return operations.perform(order(store, "ImportKeyMaterial", key, **taken, **expiry))

    secret, until = os.urandom(32), calendar.now + timedelta(days=3)
    with pytest.raises(AwsFault, match="KMSInvalidStateException"):
        require_usable(key, "Encrypt")
    bring(secret, ValidTo=until.timestamp())
    require_usable(key, "Encrypt")
    blob = seal(key, b"x", {})
    calendar.now += timedelta(days=3)
    assert store.find(key.id, ALDER, "us-east-1") is key
    assert key.state == "PendingImport"
    with pytest.raises(AwsFault, match="IncorrectKeyMaterialException"):
        bring(os.urandom(32), ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    bring(secret, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert unseal(key, blob, {})[0] == b"x"
    operations.perform(order(store, "DeleteImportedKeyMaterial", key))
    assert key.state == "PendingImport"
    with pytest.raises(AwsFault, match="KMSInvalidStateException"):
        unseal(key, blob, {})


def _wrapped(public: str, secret: bytes) -> str:
    key = load_der_public_key(base64.b64decode(public))
    assert isinstance(key, rsa.RSAPublicKey)
    return base64.b64encode(key.encrypt(secret, _OAEP)).decode()


def test_a_primary_waits_for_its_replicas_before_its_own_period_begins(store: KeyStore, calendar: Calendar) -> None:
    primary = store.make(ALDER, "us-east-1", multi_region=True)
    perform(store, "ReplicateKey", primary, ReplicaRegion="eu-west-3")
    replica = store.at(primary.id, "eu-west-3")
    assert replica is not None
    assert unseal(replica, seal(primary, b"x", {}), {})[0] == b"x"
    perform(store, "ScheduleKeyDeletion", primary, PendingWindowInDays=7)
    assert (primary.state, primary.deletion_date) == ("PendingReplicaDeletion", None)
    perform(store, "ScheduleKeyDeletion", replica, PendingWindowInDays=8)
    calendar.now += timedelta(days=8)
    assert store.at(primary.id, "eu-west-3") is None
    assert (primary.state, primary.deletion_date) == ("PendingDeletion", calendar.now + timedelta(days=7))


@pytest.mark.parametrize(
    ("state", "action", "code"),
    [
        ("Enabled", "CancelKeyDeletion", "KMSInvalidStateException"),
        ("Enabled", "ImportKeyMaterial", "UnsupportedOperationException"),
        ("Disabled", "Decrypt", "DisabledException"),
        ("Disabled", "CreateGrant", "DisabledException"),
        ("Disabled", "EnableKeyRotation", "DisabledException"),
        ("Disabled", "GetKeyPolicy", ""),
        ("Disabled", "ScheduleKeyDeletion", ""),
        ("PendingDeletion", "Decrypt", "KMSInvalidStateException"),
        ("PendingDeletion", "EnableKey", "KMSInvalidStateException"),
        ("PendingDeletion", "CreateAlias", "KMSInvalidStateException"),
        ("PendingDeletion", "TagResource", "KMSInvalidStateException"),
        ("PendingDeletion", "DescribeKey", ""),
        ("PendingDeletion", "PutKeyPolicy", ""),
        ("PendingDeletion", "RevokeGrant", ""),
        ("PendingDeletion", "CancelKeyDeletion", ""),
        ("PendingReplicaDeletion", "Encrypt", "KMSInvalidStateException"),
        ("PendingReplicaDeletion", "CancelKeyDeletion", ""),
    ],
)
def test_a_state_takes_what_its_column_of_the_table_says(store: KeyStore, state: str, action: str, code: str) -> None:
    key = store.make(ALDER, "us-east-1")
    key.state = state
    if not code:
        require_usable(key, action)
        return
    with pytest.raises(AwsFault, match=code):
        require_usable(key, action)


def test_parameters_are_held_to_the_model_of_the_service() -> None:
    ill_typed: tuple[tuple[str, dict[str, Any]], ...] = (
        ("Encrypt", {"KeyId": 5}),
        ("CreateGrant", {"Operations": "Decrypt"}),
        ("Decrypt", {"EncryptionContext": {"a": 1}}),
        ("CreateKey", {"MultiRegion": "yes"}),
    )
    for action, params in ill_typed:
        with pytest.raises(AwsFault, match="SerializationException"):
            require_types(action, params)
    named: dict[str, Any] = {"KeyId": "k"}
    out_of_bounds: tuple[tuple[str, dict[str, Any]], ...] = (
        ("Encrypt", named),
        ("CreateKey", {"KeySpec": "AES"}),
        ("EnableKeyRotation", named | {"RotationPeriodInDays": 89}),
        ("CreateAlias", {"AliasName": "alias/a b", "TargetKeyId": "k"}),
        ("GenerateDataKey", named | {"NumberOfBytes": 1025}),
    )
    for action, params in out_of_bounds:
        with pytest.raises(AwsFault, match="ValidationException"):
            require_bounds(action, params)
    require_bounds("EnableKeyRotation", named | {"RotationPeriodInDays": 2560})


def test_every_operation_of_the_service_is_known() -> None:
    from botocore.session import Session

    known = Operations()
    assert [name for name in Session().get_service_model("kms").operation_names if not known.knows(name)] == []


def test_asymmetric_and_hmac_keys_do_what_they_are_for(cloud: Cloud) -> None:
    kms = cloud.client("alder")
    signing = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    asked = {"KeyId": signing, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    made = kms.sign(**asked)
    assert kms.verify(**asked, Signature=made["Signature"])["SignatureValid"] is True
    other = asked | {"Message": b"n"}
    assert code_of(kms.verify, **other, Signature=made["Signature"]) == "KMSInvalidSignatureException"
    assert code_of(kms.encrypt, KeyId=signing, Plaintext=b"x") == "InvalidKeyUsageException"
    public = load_der_public_key(kms.get_public_key(KeyId=signing)["PublicKey"])
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(made["Signature"], b"m", ec.ECDSA(SHA256()))
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    told = {"KeyId": mac, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    tag = kms.generate_mac(**told)["Mac"]
    assert kms.verify_mac(**told, Mac=tag)["MacValid"] is True
    assert code_of(kms.verify_mac, **told | {"Message": b"n"}, Mac=tag) == "KMSInvalidMacException"
    assert code_of(kms.enable_key_rotation, KeyId=mac) == "UnsupportedOperationException"
    assert code_of(kms.create_key, KeySpec="HMAC_256") == "ValidationException"


def test_two_parties_agree_on_a_secret(cloud: Cloud) -> None:
    kms = cloud.client("alder")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")["KeyMetadata"]["Arn"]
    mine = ec.generate_private_key(ec.SECP256R1())
    theirs = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(theirs, ec.EllipticCurvePublicKey)
    public = mine.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    agreed = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)["SharedSecret"]
    assert agreed == mine.exchange(ec.ECDH(), theirs)


def test_a_data_key_pair_comes_with_its_private_half_wrapped(cloud: Cloud, alder_key: str) -> None:
    kms = cloud.client("alder")
    made = kms.generate_data_key_pair(KeyId=alder_key, KeyPairSpec="ECC_NIST_P256", EncryptionContext={"a": "b"})
    opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["PrivateKeyPlaintext"]


def test_material_comes_in_wrapped_and_a_key_without_any_refuses(cloud: Cloud) -> None:
    kms = cloud.client("alder")
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    assert (key["KeyState"], key["Origin"]) == ("PendingImport", "EXTERNAL")
    assert code_of(kms.encrypt, KeyId=key["Arn"], Plaintext=b"x") == "KMSInvalidStateException"
    lent = kms.get_parameters_for_import(
        KeyId=key["Arn"], WrappingAlgorithm="RSA_AES_KEY_WRAP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    public = load_der_public_key(lent["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    inner = os.urandom(32)
    wrapped = public.encrypt(inner, _OAEP) + aes_key_wrap_with_padding(inner, os.urandom(32))
    asked = {"KeyId": key["Arn"], "EncryptedKeyMaterial": wrapped, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    assert code_of(kms.import_key_material, **asked, ImportToken=b"x" * 64) == "InvalidImportTokenException"
    kms.import_key_material(**asked, ImportToken=lent["ImportToken"])
    described = kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]
    assert (described["KeyState"], described["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert code_of(kms.encrypt, KeyId=key["Arn"], Plaintext=b"x") == "ok"
    assert code_of(kms.get_key_rotation_status, KeyId=key["Arn"]) == "UnsupportedOperationException"
    kms.delete_imported_key_material(KeyId=key["Arn"])
    assert code_of(kms.encrypt, KeyId=key["Arn"], Plaintext=b"x") == "KMSInvalidStateException"


def test_a_replica_decrypts_what_its_primary_sealed_and_takes_its_place(cloud: Cloud) -> None:
    home, abroad = cloud.client("alder"), cloud.client("alder", region="eu-west-3")
    key = home.create_key(MultiRegion=True)["KeyMetadata"]
    blob = home.encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    assert key["KeyId"].startswith("mrk-")
    made = home.replicate_key(KeyId=key["Arn"], ReplicaRegion="eu-west-3")["ReplicaKeyMetadata"]
    assert made["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    assert abroad.decrypt(CiphertextBlob=blob, KeyId=key["KeyId"])["KeyId"] == made["Arn"]
    assert code_of(home.replicate_key, KeyId=key["Arn"], ReplicaRegion="eu-west-3") == "AlreadyExistsException"
    assert code_of(abroad.enable_key_rotation, KeyId=made["Arn"]) == "UnsupportedOperationException"
    home.update_primary_region(KeyId=key["Arn"], PrimaryRegion="eu-west-3")
    told = abroad.describe_key(KeyId=made["Arn"])["KeyMetadata"]["MultiRegionConfiguration"]
    assert (told["MultiRegionKeyType"], told["PrimaryKey"]["Region"]) == ("PRIMARY", "eu-west-3")
    assert [copy["Region"] for copy in told["ReplicaKeys"]] == ["us-east-1"]


def test_an_alias_is_unique_moves_and_manages_nothing(cloud: Cloud) -> None:
    kms = cloud.client("alder")
    one, two = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/moving", TargetKeyId=one)
    assert code_of(kms.create_alias, AliasName="alias/moving", TargetKeyId=two) == "AlreadyExistsException"
    assert code_of(kms.create_alias, AliasName="alias/aws/mine", TargetKeyId=two) != "ok"
    assert kms.describe_key(KeyId="alias/moving")["KeyMetadata"]["KeyId"] == one
    kms.update_alias(AliasName="alias/moving", TargetKeyId=two)
    assert kms.describe_key(KeyId="alias/moving")["KeyMetadata"]["KeyId"] == two
    assert code_of(kms.disable_key, KeyId="alias/moving") == "NotFoundException"
    listed = kms.list_aliases(KeyId=two)["Aliases"]
    assert [(each["AliasName"], each["TargetKeyId"]) for each in listed] == [("alias/moving", two)]
    kms.delete_alias(AliasName="alias/moving")
    assert code_of(kms.describe_key, KeyId="alias/moving") == "NotFoundException"


def test_listings_come_in_pages(cloud: Cloud, birch_key: str) -> None:
    kms = cloud.client("birch")
    made = {kms.create_grant(KeyId=birch_key, GranteePrincipal=f"arn:aws:iam::{BIRCH}:role/r{number}",
                             Operations=["Encrypt"])["GrantId"] for number in range(5)}  # fmt: skip
    pages = list(kms.get_paginator("list_grants").paginate(KeyId=birch_key, PaginationConfig={"PageSize": 2}))
    found = [grant["GrantId"] for page in pages for grant in page["Grants"]]
    assert made <= set(found)
    assert len(found) == len(set(found))
    assert max(len(page["Grants"]) for page in pages) == 2
    assert code_of(kms.list_grants, KeyId=birch_key, Marker="nowhere") == "InvalidMarkerException"
    for grant in made:
        kms.revoke_grant(KeyId=birch_key, GrantId=grant)


def test_the_same_grant_asked_for_twice_by_name_is_one(cloud: Cloud, alder_key: str) -> None:
    kms = cloud.client("alder")
    asked = {"KeyId": alder_key, "GranteePrincipal": f"arn:aws:iam::{ALDER}:role/r", "Operations": ["Encrypt"]}
    first, again = (kms.create_grant(**asked, Name="once")["GrantId"] for _ in range(2))
    assert first == again
    assert code_of(kms.create_grant, **asked | {"Operations": ["Sign"]}) == "ValidationException"
    assert code_of(kms.create_grant, **asked | {"GranteePrincipal": "nobody"}) == "InvalidArnException"
    dry = {"KeyId": alder_key, "GrantId": first, "DryRun": True}
    assert code_of(kms.revoke_grant, **dry) == "DryRunOperationException"
    assert code_of(kms.revoke_grant, KeyId=alder_key, GrantId=first) == "ok"
    assert code_of(kms.revoke_grant, **dry) == "NotFoundException"


def test_a_key_policy_needs_principals_and_resources(cloud: Cloud, alder_key: str) -> None:
    kms = cloud.client("alder")
    allow = {"Effect": "Allow", "Principal": {"AWS": ALDER}, "Action": "kms:*", "Resource": "*"}
    for lacking in ("Principal", "Resource"):
        less = {name: value for name, value in allow.items() if name != lacking}
        refused = code_of(kms.put_key_policy, KeyId=alder_key, Policy=document(less))
        assert refused == "MalformedPolicyDocumentException", lacking
    strange = json.dumps({"Version": "2012-10-17", "Statement": [allow | {"Condtion": {}}]})
    assert code_of(kms.put_key_policy, KeyId=alder_key, Policy=strange) == "MalformedPolicyDocumentException"
