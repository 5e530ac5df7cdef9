"""What the front lets the vendor do with a tenant's key, asked with boto3 over the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.served import ALDER, ROLE, VENDOR, Cloud, document


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code a call is refused with, or "ok"."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "ok"


def wrapped(cloud: Cloud, key: str, tenant: str = "alder", subject: str = "s1") -> bytes:
    context = {"tenant": tenant, "subject": subject}
    made = cloud.client("workload").generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    return bytes(made["CiphertextBlob"])


def test_the_workload_wraps_and_unwraps_under_the_tenants_context(cloud: Cloud, alder_key: str) -> None:
    context = {"tenant": "alder", "subject": "s1"}
    made = cloud.client("workload").generate_data_key(KeyId=alder_key, KeySpec="AES_256", EncryptionContext=context)
    opened = cloud.client("workload").decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == made["Plaintext"]
    assert opened["KeyId"] == alder_key


@pytest.mark.parametrize(
    "context",
    [{"tenant": "birch", "subject": "s1"}, {"subject": "s1"}, {}, {"tenant": "alde?", "subject": "s1"}],
    ids=["another tenant's", "no tenant", "none", "a pattern"],
)
def test_the_workload_needs_the_tenants_context(cloud: Cloud, alder_key: str, context: dict[str, str]) -> None:
    kms, blob = cloud.client("workload"), wrapped(cloud, alder_key)
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context) == "AccessDeniedException"
    refused = code_of(kms.generate_data_key, KeyId=alder_key, KeySpec="AES_256", EncryptionContext=context)
    assert refused == "AccessDeniedException"


@pytest.mark.parametrize(
    "context",
    [{"tenant": "alder", "subject": "s2"}, {"tenant": "alder"}, {"tenant": "alder", "subject": "s1", "x": "y"}],
    ids=["swapped", "a subset", "a superset"],
)
def test_a_ciphertext_opens_under_its_own_context_only(cloud: Cloud, alder_key: str, context: dict[str, str]) -> None:
    blob = wrapped(cloud, alder_key)
    refused = code_of(cloud.client("workload").decrypt, CiphertextBlob=blob, EncryptionContext=context)
    assert refused == "InvalidCiphertextException"


def test_a_context_is_bound_pair_by_pair_and_not_as_one_run_of_text(cloud: Cloud, alder_key: str) -> None:
    kms = cloud.client("alder")
    blob = kms.encrypt(KeyId=alder_key, Plaintext=b"x", EncryptionContext={"a": "bc"})["CiphertextBlob"]
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext={"ab": "c"}) == "InvalidCiphertextException"
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext={"a": "bc"}) == "ok"


def test_a_flipped_bit_and_another_key_are_refused(cloud: Cloud, alder_key: str, birch_key: str) -> None:
    blob, context = wrapped(cloud, alder_key), {"tenant": "alder", "subject": "s1"}
    flipped = blob[:-1] + bytes([blob[-1] ^ 1])
    kms = cloud.client("workload")
    assert code_of(kms.decrypt, CiphertextBlob=flipped, EncryptionContext=context) == "InvalidCiphertextException"
    named = code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, KeyId=birch_key)
    assert named == "AccessDeniedException"  # birch's key does not know alder's context
    other = cloud.tenant_key("alder", ALDER)
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, KeyId=other) == "IncorrectKeyException"


def test_the_workload_may_do_nothing_else_that_kms_knows(cloud: Cloud, alder_key: str) -> None:
    """Every action of botocore's model that names a key, but for the two, is refused before all else."""
    kms = cloud.client("workload")
    allowed = {"Decrypt", "GenerateDataKey"}
    model = kms.meta.service_model
    tried = 0
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        if shape is None or "KeyId" not in shape.members or name in allowed | {"ListAliases", "RetireGrant"}:
            continue
        arguments = {member: _sample(shape.members[member]) for member in shape.required_members}
        arguments["KeyId"] = alder_key
        method = getattr(kms, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
        assert code_of(method, **arguments) == "AccessDeniedException", name
        tried += 1
    assert tried > 25


def _sample(shape: Any) -> Any:
    if shape.type_name == "list":
        return [_sample(shape.member)]
    if shape.type_name == "structure":
        return {member: _sample(shape.members[member]) for member in shape.required_members}
    samples = {"blob": b"x" * 100, "integer": 7, "boolean": True, "string": "default"}
    return shape.enum[0] if getattr(shape, "enum", None) else samples[shape.type_name]


def test_a_tenant_administers_its_own_key_and_no_other(cloud: Cloud, alder_key: str, birch_key: str) -> None:
    kms = cloud.client("alder")
    assert json.loads(kms.get_key_policy(KeyId=alder_key, PolicyName="default")["Policy"])["Statement"]
    assert code_of(kms.describe_key, KeyId=birch_key) == "AccessDeniedException"
    assert code_of(kms.disable_key, KeyId=birch_key) == "AccessDeniedException"


def test_an_unknown_key_is_not_found_at_home_and_denied_abroad(cloud: Cloud, alder_key: str) -> None:
    absent = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    kms = cloud.client("alder")
    assert code_of(kms.describe_key, KeyId=absent) == "NotFoundException"
    assert code_of(kms.describe_key, KeyId=alder_key.replace("us-east-1", "us-west-2")) == "NotFoundException"
    abroad = alder_key.replace(ALDER, VENDOR)
    assert code_of(kms.describe_key, KeyId=abroad) == "AccessDeniedException"


def test_a_disabled_key_and_one_pending_deletion_refuse_to_work(cloud: Cloud) -> None:
    key, context = cloud.tenant_key("alder", ALDER), {"tenant": "alder", "subject": "s1"}
    blob, owner, kms = wrapped(cloud, key), cloud.client("alder"), cloud.client("workload")
    owner.disable_key(KeyId=key)
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context) == "DisabledException"
    owner.enable_key(KeyId=key)
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context) == "ok"
    assert code_of(owner.schedule_key_deletion, KeyId=key, PendingWindowInDays=3) == "ValidationException"
    assert owner.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)["KeyState"] == "PendingDeletion"
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context) == "KMSInvalidStateException"
    assert code_of(owner.enable_key, KeyId=key) == "KMSInvalidStateException"
    assert owner.cancel_key_deletion(KeyId=key)["KeyId"] == key
    assert code_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context) == "DisabledException"


def test_a_rotation_period_comes_back(cloud: Cloud, alder_key: str) -> None:
    kms = cloud.client("alder")
    kms.enable_key_rotation(KeyId=alder_key, RotationPeriodInDays=180)
    status = kms.get_key_rotation_status(KeyId=alder_key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 180)
    assert code_of(kms.enable_key_rotation, KeyId=alder_key, RotationPeriodInDays=5000) == "ValidationException"


def test_a_grant_opens_what_it_lists_under_its_constraint_until_it_is_revoked(cloud: Cloud, birch_key: str) -> None:
    owner, kms = cloud.client("birch"), cloud.client("workload")
    constraint = {"EncryptionContextSubset": {"case": "7"}}
    grant = owner.create_grant(
        KeyId=birch_key, GranteePrincipal=ROLE, Operations=["Encrypt"], Constraints=constraint, Name="export"
    )
    listed = owner.list_grants(KeyId=birch_key)["Grants"]
    assert [(g["GranteePrincipal"], g["KeyId"]) for g in listed] == [(ROLE, birch_key)]
    assert "CreationDate" in listed[0]
    within = {"KeyId": birch_key, "Plaintext": b"x", "EncryptionContext": {"case": "7", "page": "1"}}
    assert code_of(kms.encrypt, **within) == "ok"
    assert code_of(kms.encrypt, **within | {"EncryptionContext": {"case": "8"}}) == "AccessDeniedException"
    assert code_of(kms.create_grant, KeyId=birch_key, GranteePrincipal=ROLE, Operations=["Decrypt"]) != "ok"
    owner.revoke_grant(KeyId=birch_key, GrantId=grant["GrantId"])
    assert code_of(kms.encrypt, **within) == "AccessDeniedException"


def test_a_grantee_passes_on_no_more_than_it_holds(cloud: Cloud) -> None:
    key = cloud.tenant_key("alder", ALDER)
    owner, kms = cloud.client("alder"), cloud.client("workload")
    made = owner.create_grant(
        KeyId=key, GranteePrincipal=ROLE, Operations=["Encrypt", "CreateGrant"], RetiringPrincipal=ROLE
    )
    asked = {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{VENDOR}:role/other"}
    assert code_of(kms.create_grant, **asked, Operations=["Encrypt"]) == "ok"
    assert code_of(kms.create_grant, **asked, Operations=["Encrypt", "Decrypt"]) == "AccessDeniedException"
    assert code_of(kms.retire_grant, KeyId=key, GrantId=made["GrantId"]) == "ok"
    assert code_of(kms.create_grant, **asked, Operations=["Encrypt"]) == "AccessDeniedException"


def test_a_dry_run_says_whether_it_would_succeed_and_changes_nothing(cloud: Cloud) -> None:
    key = cloud.tenant_key("alder", ALDER)
    owner, kms = cloud.client("alder"), cloud.client("workload")
    asked = {"KeyId": key, "GranteePrincipal": ROLE, "Operations": ["Encrypt"], "DryRun": True}
    assert code_of(owner.create_grant, **asked) == "DryRunOperationException"
    assert owner.list_grants(KeyId=key)["Grants"] == []
    assert code_of(kms.create_grant, **asked) == "AccessDeniedException"
    probe = {"KeyId": key, "KeySpec": "AES_256", "DryRun": True}
    assert code_of(kms.generate_data_key, **probe, EncryptionContext={"tenant": "alder"}) == "DryRunOperationException"
    assert code_of(kms.generate_data_key, **probe, EncryptionContext={"tenant": "birch"}) == "AccessDeniedException"


def test_a_key_policy_is_read_before_it_is_stored(cloud: Cloud, alder_key: str) -> None:
    kms = cloud.client("alder")
    locked_out = document({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*"})
    for policy in ("{", '{"Statement": [{"Effect": "Perhaps"}]}', locked_out):
        refused = code_of(kms.put_key_policy, KeyId=alder_key, PolicyName="default", Policy=policy)
        assert refused == "MalformedPolicyDocumentException"


def test_a_deny_beats_a_grant(cloud: Cloud) -> None:
    key = cloud.tenant_key("alder", ALDER)
    owner, kms = cloud.client("alder"), cloud.client("workload")
    owner.create_grant(KeyId=key, GranteePrincipal=ROLE, Operations=["Encrypt"])
    assert code_of(kms.encrypt, KeyId=key, Plaintext=b"x") == "ok"
    admin = {"Effect": "Allow", "Principal": {"AWS": ALDER}, "Action": "kms:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    owner.put_key_policy(KeyId=key, PolicyName="default", Policy=document(admin, deny))
    assert code_of(kms.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"


def test_reencryption_needs_leave_on_both_keys(cloud: Cloud, alder_key: str, birch_key: str) -> None:
    kms = cloud.client("alder")
    blob = kms.encrypt(KeyId=alder_key, Plaintext=b"x")["CiphertextBlob"]
    assert code_of(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=birch_key) == "AccessDeniedException"
    other = cloud.tenant_key("alder", ALDER)
    assert kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)["KeyId"] == other
