"""Whatever the AWS process acknowledged is there when it has been killed with -9 and started again, and is the same."""

from __future__ import annotations

import json
import random
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.aws.inventory import events, inventory
from tests.aws.mortal import KEY, Mortal, mortal
from tests.aws.served import ALDER, REGION, ROLE, Client, code_of, document, trust
from venturi.aws.kept.journal import Journal
from venturi.runtime.child import ChildDied

CONTEXT = {"tenant": "alder", "subject": "s1"}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Mortal]:
    with mortal(tmp_path) as made:
        yield made


def make_keys(kms: Client) -> dict[str, str]:
    """One key of every kind and state."""
    made = {
        "plain": kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}], Description="x")["KeyMetadata"]["Arn"],
        "disabled": kms.create_key()["KeyMetadata"]["Arn"],
        "doomed": kms.create_key()["KeyMetadata"]["Arn"],
        "spared": kms.create_key()["KeyMetadata"]["Arn"],
        "signs": kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"],
        "macs": kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"],
        "everywhere": kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"],
    }
    kms.replicate_key(KeyId=made["everywhere"], ReplicaRegion="eu-west-1", Description="a copy")
    kms.disable_key(KeyId=made["disabled"])
    kms.schedule_key_deletion(KeyId=made["doomed"], PendingWindowInDays=7)
    kms.schedule_key_deletion(KeyId=made["spared"])
    kms.cancel_key_deletion(KeyId=made["spared"])
    kms.enable_key_rotation(KeyId=made["plain"], RotationPeriodInDays=100)
    kms.create_alias(AliasName="alias/one", TargetKeyId=made["spared"])
    kms.create_alias(AliasName="alias/two", TargetKeyId=made["plain"])
    kms.update_alias(AliasName="alias/one", TargetKeyId=made["plain"])
    constraint = {"EncryptionContextSubset": CONTEXT}
    kms.create_grant(KeyId=made["plain"], GranteePrincipal=ROLE, Operations=["Decrypt"], Constraints=constraint)
    gone = kms.create_grant(KeyId=made["plain"], GranteePrincipal=ROLE, Operations=["Encrypt"], Name="gone")
    kms.revoke_grant(KeyId=made["plain"], GrantId=gone["GrantId"])
    return made


def make_store(s3: Client, key: str) -> str:
    """Versions, a marker, a lock, an upload that has only begun; returns the upload's id."""
    s3.create_bucket(Bucket="alder-bucket", ObjectLockEnabledForBucket=True)
    reads = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject"}
    policy = document(reads | {"Resource": "arn:aws:s3:::alder-bucket/*"})
    s3.put_bucket_policy(Bucket="alder-bucket", Policy=policy)
    for body in (b"first", b"second"):
        s3.put_object(Bucket="alder-bucket", Key="a/b", Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    s3.delete_object(Bucket="alder-bucket", Key="a/b")
    until = datetime.now(UTC) + timedelta(days=2)
    s3.put_object(Bucket="alder-bucket", Key="held", Body=b"held", ObjectLockMode="COMPLIANCE",
                  ObjectLockRetainUntilDate=until)  # fmt: skip
    # The service's own key comes into being with this.
    s3.put_object(Bucket="alder-bucket", Key="own", Body=b"own", ServerSideEncryption="aws:kms")
    upload: str = s3.create_multipart_upload(Bucket="alder-bucket", Key="parts")["UploadId"]
    s3.upload_part(Bucket="alder-bucket", Key="parts", UploadId=upload, PartNumber=1, Body=b"part")
    return upload


def make_messages(process: Mortal) -> str:
    """A topic with two queues, of which one gets signed messages; returns the URL of that one."""
    sns, sqs = process.cloud.client("alder", "sns"), process.cloud.client("alder", "sqs")
    topic = sns.create_topic(Name="notices")["TopicArn"]
    for name, raw in (("raw", "true"), ("signed", "false")):
        sqs.create_queue(QueueName=name)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{ALDER}:{name}",
                      Attributes={"RawMessageDelivery": raw})  # fmt: skip
    sns.publish(TopicArn=topic, Message="to be kept")
    sns.publish(TopicArn=topic, Message="to be deleted")
    taken = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="raw")["QueueUrl"], MaxNumberOfMessages=10)
    (gone,) = [each for each in taken["Messages"] if each["Body"] == "to be deleted"]
    sqs.delete_message(QueueUrl=sqs.get_queue_url(QueueName="raw")["QueueUrl"], ReceiptHandle=gone["ReceiptHandle"])
    return str(sqs.get_queue_url(QueueName="signed")["QueueUrl"])


def make_people(process: Mortal) -> dict[str, dict[str, str]]:
    """A user within a boundary, and sessions of a role, of which one is narrowed; returns their credentials."""
    iam, sts = process.cloud.client("alder", "iam"), process.cloud.client("alder", "sts")
    everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=document(
        {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}))["Policy"]["Arn"]  # fmt: skip
    iam.create_user(UserName="keeper")
    iam.put_user_policy(UserName="keeper", PolicyName="all", PolicyDocument=everything)
    iam.put_user_permissions_boundary(UserName="keeper", PermissionsBoundary=bound)
    made = iam.create_access_key(UserName="keeper")["AccessKey"]
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ALDER}:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=document(allow))["Role"]["Arn"]
    iam.put_role_policy(RoleName="worker", PolicyName="all", PolicyDocument=everything)
    narrow = document({"Effect": "Allow", "Action": "sns:ListTopics", "Resource": "*"})
    wide, narrowed = (
        sts.assume_role(RoleArn=role, RoleSessionName="shift", **more)["Credentials"]
        for more in ({}, {"Policy": narrow})
    )
    return {"user": made, "wide": wide, "narrowed": narrowed}


def connect(process: Mortal, service: str, credentials: dict[str, str]) -> Client:
    return process.cloud.connect(service, credentials["AccessKeyId"], credentials["SecretAccessKey"],
                                 token=credentials.get("SessionToken"))  # fmt: skip


def reach(process: Mortal, people: dict[str, dict[str, str]]) -> dict[str, str]:
    """What the credentials can do and can't."""
    asked = {"sns": "list_topics", "iam": "list_users", "s3": "list_buckets"}
    return {
        f"{name} {service}": code_of(getattr(connect(process, service, credentials), call))
        for name, credentials in people.items()
        for service, call in asked.items()
    }


def test_everything_a_client_was_told_is_the_same_after_two_kills(process: Mortal) -> None:
    kms, s3 = process.cloud.client("alder"), process.cloud.client("alder", "s3")
    keys, people, queue = make_keys(kms), make_people(process), make_messages(process)
    upload = make_store(s3, keys["plain"])
    ec2 = process.cloud.client("alder", "ec2")
    ec2.create_subnet(VpcId=ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"], CidrBlock="10.0.0.0/24")
    for kind in ("rsa", "ed25519"):
        ec2.create_key_pair(KeyName=kind, KeyType=kind)
    process.cloud.client("alder", "rds").create_db_instance(
        DBInstanceIdentifier="db", Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20,
        MasterUsername="venturi", ManageMasterUserPassword=True, StorageEncrypted=True, KmsKeyId=keys["plain"],
        MasterUserSecretKmsKeyId=keys["plain"],
    )  # fmt: skip
    before, could = inventory(process.cloud, "alder"), reach(process, people)
    sealed = kms.encrypt(KeyId=keys["plain"], Plaintext=b"payload", EncryptionContext=CONTEXT)["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=keys["plain"])
    before |= inventory(process.cloud, "alder")
    signed = kms.sign(KeyId=keys["signs"], Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    mac = kms.generate_mac(KeyId=keys["macs"], Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    used = kms.get_key_last_usage(KeyId=keys["macs"])["KeyLastUsage"]
    happened = events(process.cloud, "alder")
    for _ in range(2):
        process.kill()
        process.again()
        assert inventory(process.cloud, "alder") == before
        assert reach(process, people) == could
        # Who used his credentials has changed when they were last used.
        before = inventory(process.cloud, "alder")
        assert happened.items() <= events(process.cloud, "alder").items()
        assert kms.get_key_last_usage(KeyId=keys["macs"])["KeyLastUsage"] == used
    assert set(could.values()) == {"ok", "AccessDenied"}
    assert used["Operation"] == "GenerateMac"
    assert kms.decrypt(CiphertextBlob=sealed, EncryptionContext=CONTEXT)["Plaintext"] == b"payload"
    assert code_of(kms.decrypt, CiphertextBlob=sealed) == "InvalidCiphertextException"
    verified = kms.verify(KeyId=keys["signs"], Message=b"m", Signature=signed, SigningAlgorithm="ECDSA_SHA_256")
    assert verified["SignatureValid"]
    assert kms.verify_mac(KeyId=keys["macs"], Message=b"m", Mac=mac, MacAlgorithm="HMAC_SHA_256")["MacValid"]
    assert code_of(kms.encrypt, KeyId=keys["disabled"], Plaintext=b"x") == "DisabledException"
    assert code_of(kms.encrypt, KeyId=keys["doomed"], Plaintext=b"x") == "KMSInvalidStateException"
    assert (
        code_of(s3.delete_object, Bucket="alder-bucket", Key="held", VersionId=version_of(s3, "held")) == "AccessDenied"
    )
    part = s3.list_parts(Bucket="alder-bucket", Key="parts", UploadId=upload)["Parts"][0]
    s3.complete_multipart_upload(Bucket="alder-bucket", Key="parts", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})  # fmt: skip
    assert s3.get_object(Bucket="alder-bucket", Key="parts")["Body"].read() == b"part"
    received = process.cloud.client("alder", "sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(each["Body"])["Message"] for each in received] == ["to be kept", "to be deleted"]


def version_of(s3: Client, key: str) -> str:
    (version,) = s3.list_object_versions(Bucket="alder-bucket", Prefix=key)["Versions"]
    return str(version["VersionId"])


def test_a_process_without_a_memory_forgets_which_is_what_the_comparison_is_worth(tmp_path: Path) -> None:
    with mortal(tmp_path, keeps=False) as process:
        make_keys(process.cloud.client("alder"))
        make_messages(process)
        before, happened = inventory(process.cloud, "alder"), events(process.cloud, "alder")
        process.kill()
        process.again()
        after = inventory(process.cloud, "alder")
        assert {name for name in before if before[name] != after.get(name)} >= {
            "us-east-1 aliases", "us-east-1 sns list_topics", "us-east-1 sqs list_queues"}  # fmt: skip
        assert not happened.items() & events(process.cloud, "alder").items()
        assert not process.files()


def wrapped_for(kms: Client, key: str, secret: bytes) -> dict[str, bytes]:
    lent = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    public = load_der_public_key(lent["PublicKey"])
    assert isinstance(public, rsa.RSAPublicKey)
    sha = hashes.SHA256()
    sealed = public.encrypt(secret, padding.OAEP(padding.MGF1(sha), sha, None))
    return {"ImportToken": lent["ImportToken"], "EncryptedKeyMaterial": sealed}


def test_material_that_is_gone_stays_gone_and_is_in_no_file(process: Mortal) -> None:
    kms, secret = process.cloud.client("alder"), bytes(range(100, 132))
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["Arn"]
    lent = wrapped_for(kms, key, secret)
    process.kill()
    process.again()
    # The token was given by the process before.
    kms.import_key_material(KeyId=key, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE", **lent)
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    process.kill()
    assert secret in opened(process, "keys"), "the comparison below would see nothing"
    process.again()
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"
    kms.delete_imported_key_material(KeyId=key)
    process.kill()
    assert secret not in opened(process, "keys")
    process.again()
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    assert code_of(kms.decrypt, CiphertextBlob=sealed) == "KMSInvalidStateException"


def opened(process: Mortal, name: str) -> bytes:
    """All records of a journal of a process that has ended."""
    journal = Journal(process.place / name, KEY)
    journal.close()
    return b"".join(journal.records)


def test_no_file_tells_a_secret_and_nobody_else_may_read_one(process: Mortal) -> None:
    process.cloud.client("alder", "s3").create_bucket(Bucket="bucket")
    process.cloud.client("alder", "s3").put_object(Bucket="bucket", Key="k", Body=b"canary of an object")
    people = make_people(process)
    secrets = [b"canary of an object", *(made["SecretAccessKey"].encode() for made in people.values())]
    content = process.files()
    assert set(content) == {"calls", "keys", "events"}
    assert not [name for name, data in content.items() for secret in secrets if secret in data]
    assert {(process.place / name).stat().st_mode & 0o777 for name in content} == {0o600}
    process.kill()
    assert b"canary of an object" in opened(process, "calls"), "the comparison above would see nothing"


def test_reading_is_kept_as_an_event_alone(process: Mortal) -> None:
    kms, sns, sqs = (process.cloud.client("alder", name) for name in ("kms", "sns", "sqs"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    before = process.files()
    kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])
    kms.describe_key(KeyId=key)
    kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    sns.list_topics()
    after = process.files()
    assert (after["calls"], after["keys"]) == (before["calls"], before["keys"])
    assert len(after["events"]) > len(before["events"])
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    made = process.files()
    assert len(made["calls"]) > len(after["calls"])
    # To look for a message where there is none is to read.
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    assert process.files()["calls"] == made["calls"]
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    sent = process.files()
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
    assert len(process.files()["calls"]) > len(sent["calls"]) > len(made["calls"])


def test_nothing_acknowledged_is_lost_at_kills_at_random_moments(process: Mortal) -> None:
    stop, chance = threading.Event(), random.Random(20260806)
    told: dict[str, dict[str, Any]] = {"keys": {}, "objects": {}, "topics": {}, "grants": {}, "sealed": {}}
    process.cloud.client("alder", "s3").create_bucket(Bucket="bucket")
    granted = process.cloud.client("alder").create_key()["KeyMetadata"]["Arn"]
    clients = {name: process.cloud.client("alder", name) for name in ("kms", "s3", "sns")}

    def make_key(turn: int) -> None:
        made = clients["kms"].create_key(Description=f"{turn}")["KeyMetadata"]
        told["keys"][made["Arn"]] = made
        sealed = clients["kms"].encrypt(KeyId=made["Arn"], Plaintext=f"{turn}".encode())
        told["sealed"][sealed["CiphertextBlob"]] = f"{turn}".encode()

    def make_object(turn: int) -> None:
        put = clients["s3"].put_object(Bucket="bucket", Key=f"{turn}", Body=bytes([turn % 256]) * 1000)
        told["objects"][f"{turn}"] = (put["ETag"], bytes([turn % 256]) * 1000)

    def make_topic(turn: int) -> None:
        arn = clients["sns"].create_topic(Name=f"t{turn}")["TopicArn"]
        policy = document({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sns:Publish", "Resource": arn})
        clients["sns"].set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
        told["topics"][arn] = json.loads(policy)

    def make_grant(turn: int) -> None:
        made = clients["kms"].create_grant(KeyId=granted, GranteePrincipal=ROLE, Operations=["Decrypt"], Name=f"{turn}")
        told["grants"][made["GrantId"]] = f"{turn}"

    def work(make: Callable[[int], None]) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                make(turn)
            except (BotoCoreError, ClientError):
                # In flight at the kill: what became of it, nobody was told.
                stop.wait(0.02)

    with ThreadPoolExecutor(4) as pool:
        works = [pool.submit(work, make) for make in (make_key, make_object, make_topic, make_grant)]
        try:
            for _ in range(6):
                time.sleep(chance.uniform(0.05, 0.8))
                process.kill()
                process.again()
        finally:
            stop.set()
        for each in works:
            each.result()
    assert all(len(made) > 5 for made in told.values()), {name: len(made) for name, made in told.items()}
    kms = clients["kms"]
    assert {arn: kms.describe_key(KeyId=arn)["KeyMetadata"] for arn in told["keys"]} == told["keys"]
    assert {blob: kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in told["sealed"]} == told["sealed"]
    assert {name: fetched(clients["s3"], name) for name in told["objects"]} == told["objects"]
    topics = {arn: clients["sns"].get_topic_attributes(TopicArn=arn)["Attributes"] for arn in told["topics"]}
    assert {arn: json.loads(each["Policy"]) for arn, each in topics.items()} == told["topics"]
    pages = kms.get_paginator("list_grants").paginate(KeyId=granted)
    assert told["grants"].items() <= {g["GrantId"]: g["Name"] for page in pages for g in page["Grants"]}.items()


def fetched(s3: Client, name: str) -> tuple[str, bytes]:
    got = s3.get_object(Bucket="bucket", Key=name)
    return got["ETag"], got["Body"].read()


def test_who_waits_for_a_message_holds_up_nobody_and_gets_it(process: Mortal) -> None:
    sqs, sns = process.cloud.client("alder", "sqs"), process.cloud.client("alder", "sns")
    queue = sqs.create_queue(QueueName="slow")["QueueUrl"]
    waiter = process.cloud.connect("sqs", *credentials_of("alder"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(waiter.receive_message, QueueUrl=queue, WaitTimeSeconds=15)
        time.sleep(0.3)
        begun = time.monotonic()
        sns.create_topic(Name="meanwhile")
        assert not waiting.done()
        sqs.send_message(QueueUrl=queue, MessageBody="here")
        assert [each["Body"] for each in waiting.result()["Messages"]] == ["here"]
        assert time.monotonic() - begun < 10


def credentials_of(who: str) -> tuple[str, str]:
    from tests.aws.served import IDENTITIES

    return IDENTITIES[who].access_key_id, IDENTITIES[who].secret_access_key


@pytest.mark.parametrize("name", ["calls", "keys", "events"])
def test_a_record_that_was_not_finished_is_left_out_and_all_before_it_are_there(process: Mortal, name: str) -> None:
    kms, sns = process.cloud.client("alder"), process.cloud.client("alder", "sns")
    kept = kms.create_key()["KeyMetadata"]["Arn"]
    topic = sns.create_topic(Name="kept")["TopicArn"]
    before = len(process.files()[name])
    last, torn = kms.create_key()["KeyMetadata"]["Arn"], sns.create_topic(Name="torn")["TopicArn"]
    process.kill()
    file = process.place / name
    with file.open("r+b") as writing:
        # In the middle of the first record that came after.
        writing.truncate(before + 40)
    process.again()
    assert kms.describe_key(KeyId=kept)["KeyMetadata"]["Enabled"]
    assert (code_of(kms.describe_key, KeyId=last) == "ok") is (name != "keys")
    topics = [each["TopicArn"] for each in sns.list_topics()["Topics"]]
    assert topics == ([topic] if name == "calls" else [topic, torn])
    # And it goes on from there.
    after = kms.create_key()["KeyMetadata"]["Arn"]
    process.kill()
    process.again()
    assert kms.describe_key(KeyId=after)["KeyMetadata"]["Enabled"]


@pytest.mark.parametrize("name", ["calls", "keys", "events"])
def test_a_damaged_record_keeps_it_from_starting_with_a_reason_and_without_a_loss(process: Mortal, name: str) -> None:
    kms, sns = process.cloud.client("alder"), process.cloud.client("alder", "sns")
    for turn in range(3):
        kms.create_key()
        sns.create_topic(Name=f"t{turn}")
    process.kill()
    before = process.files()
    file = process.place / name
    damaged = bytearray(before[name])
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(ChildDied, match=rf"{file}: record \d+, at byte \d+, (is not as it was|has no length)"):
        process.again()
    assert process.files() == before | {name: bytes(damaged)}, "who looks at the files finds them as they were"
    file.write_bytes(before[name])
    process.again()
    assert len(kms.list_keys()["Keys"]) == 3
    assert len(sns.list_topics()["Topics"]) == 3


def test_a_call_that_comes_to_something_else_the_second_time_keeps_it_from_starting(process: Mortal) -> None:
    sns = process.cloud.client("alder", "sns")
    for turn in range(3):
        sns.create_topic(Name=f"t{turn}")
    process.kill()
    journal = Journal(process.place / "calls", KEY)
    # As if moto had answered the second call otherwise: the same record, with another body's hash at its end.
    journal.rewrite(
        record[:-1] + bytes([record[-1] ^ 1]) if at == 2 else record for at, record in enumerate(journal.records)
    )
    journal.close()
    before = process.files()
    with pytest.raises(ChildDied, match=r"sns:CreateTopic \(record 2 of .*calls\) came to 200"):
        process.again()
    assert process.files() == before


def test_a_process_that_can_keep_no_more_ends_before_anybody_is_told(process: Mortal) -> None:
    kms = process.cloud.client("alder")
    kept = kms.create_key()["KeyMetadata"]["Arn"]
    room = max(len(data) for data in process.files().values()) + 100
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, room))
    told = [kept]
    # Until there is no answer any more.
    with suppress(BotoCoreError):
        told += (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(100))
    process.ended()
    assert "ended, for a journal takes no more" in process.said()
    process.again()
    assert [kms.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] for arn in told] == told


def test_an_organization_and_its_accounts_come_back_with_their_ids(process: Mortal) -> None:
    organizations = process.cloud.client("vendor", "organizations")
    made = organizations.create_organization(FeatureSet="ALL")["Organization"]
    account = organizations.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["AccountId"]
    policy = organizations.create_policy(
        Content=document({"Effect": "Deny", "Action": "sns:*", "Resource": "*"}), Description="d", Name="n",
        Type="SERVICE_CONTROL_POLICY",
    )["Policy"]["PolicySummary"]["Id"]  # fmt: skip
    organizations.attach_policy(PolicyId=policy, TargetId=account)
    process.kill()
    process.again()
    assert organizations.describe_organization()["Organization"] == made
    attached = organizations.list_policies_for_target(TargetId=account, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert policy in [each["Id"] for each in attached]
    process.cloud.client("vendor", "iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust()))
