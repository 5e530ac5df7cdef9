"""Who is calling: the ARN behind an access key, and the names by which a policy may mean it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SESSION = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/(.+)")


@dataclass(frozen=True)
class Caller:
    """An authenticated identity: a user, an account's root, or a session of a role."""

    access_key_id: str
    arn: str

    @property
    def account(self) -> str:
        """The twelve digits of the identity's account."""
        return self.arn.split(":")[4]

    @property
    def root_arn(self) -> str:
        """The ARN that stands for the whole account in a policy."""
        return f"arn:aws:iam::{self.account}:root"

    @property
    def is_root(self) -> bool:
        """Whether this is the account's root itself."""
        return self.arn == self.root_arn

    @property
    def principal_arn(self) -> str:
        """What aws:PrincipalArn is: for a session, the ARN of its role."""
        session = _SESSION.fullmatch(self.arn)
        return f"arn:aws:iam::{session[1]}:role/{session[2]}" if session else self.arn

    @property
    def names(self) -> frozenset[str]:
        """The ARNs that mean this identity and nobody else in its account."""
        return frozenset({self.arn, self.principal_arn})

    @property
    def kind(self) -> str:
        """What aws:PrincipalType is."""
        if self.is_root:
            return "Account"
        return "AssumedRole" if _SESSION.fullmatch(self.arn) else "User"

    @property
    def is_service_linked(self) -> bool:
        """Whether it is a role of an AWS service, which no organization's policy restricts."""
        return ":role/aws-service-role/" in self.principal_arn
