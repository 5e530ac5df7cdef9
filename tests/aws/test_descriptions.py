"""What botocore knows of AWS's services is read once, and says the same as before."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader, create_loader
from botocore.session import get_session

from venturi.aws.descriptions import remember


@pytest.fixture(autouse=True)
def remembering() -> None:
    remember()


def listed_by_botocore(loader: Loader, type_name: str) -> Any:
    """What botocore's own function, which `remember` wraps, finds by looking through all."""
    return list(iter(loader.list_available_services(type_name)))


@pytest.mark.parametrize("type_name", ["service-2", "paginators-1", "waiters-2"])
def test_a_service_is_known_by_the_types_of_description_that_it_has(type_name: str) -> None:
    loader = create_loader()
    known = loader.list_available_services(type_name)
    everything = listed_by_botocore(loader, "service-2")
    assert [name for name in everything if name in known] == listed_by_botocore(loader, type_name)


def test_a_session_still_lists_every_service() -> None:
    available = get_session().get_available_services()
    assert len(available) > 300
    assert {"kms", "s3"} < set(available)


def test_a_service_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownServiceError, match=r"no-such-service.*kms"):
        get_session().create_client("no-such-service", region_name="us-east-1")


def test_a_description_is_the_same_for_every_session() -> None:
    one, other = (create_loader().load_service_model("kms", "service-2") for _ in range(2))
    assert one["operations"] is other["operations"]
