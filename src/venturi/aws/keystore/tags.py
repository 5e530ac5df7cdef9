"""Tags and policies of keys, and the list of a key's policies, of which there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from venturi.aws.faults import AwsFault
from venturi.aws.keystore.order import Answer, Order

_MOST = 50


def read_tags(listed: Sequence[Any]) -> dict[str, str]:
    """Tags as CreateKey and TagResource take them. Raises AwsFault: TagException, LimitExceededException."""
    made = {str(tag["TagKey"]): str(tag["TagValue"]) for tag in listed}
    if len(made) != len(listed) or any(name.lower().startswith("aws:") for name in made):
        raise AwsFault("TagException", "Tag keys are unique and do not begin with aws:.")
    if len(made) > _MOST:
        raise AwsFault("LimitExceededException", f"A key has at most {_MOST} tags.")
    return made


def tag(order: Order) -> Answer:
    """TagResource."""
    merged = order.key.tags | read_tags(order.params["Tags"])
    if len(merged) > _MOST:
        raise AwsFault("LimitExceededException", f"A key has at most {_MOST} tags.")
    order.key.tags = merged
    return {}


def untag(order: Order) -> Answer:
    """UntagResource."""
    for name in order.params["TagKeys"]:
        order.key.tags.pop(str(name), None)
    return {}


def list_tags(order: Order) -> Answer:
    """ListResourceTags."""
    return order.page("Tags", list(order.key.tags.items()), lambda tag: {"TagKey": tag[0], "TagValue": tag[1]})


def get_policy(order: Order) -> Answer:
    """GetKeyPolicy."""
    _require_default(order)
    return {"Policy": order.key.policy, "PolicyName": "default"}


def put_policy(order: Order) -> Answer:
    """PutKeyPolicy; whether the policy is one, and locks nobody out, was looked at before."""
    _require_default(order)
    order.key.policy = order.text("Policy")
    return {}


def list_policies(order: Order) -> Answer:  # noqa: ARG001  # every operation takes its order
    """ListKeyPolicies."""
    return {"PolicyNames": ["default"], "Truncated": False}


def _require_default(order: Order) -> None:
    if order.text("PolicyName", "default") != "default":
        raise AwsFault("NotFoundException", "A key's one policy is called default.")
