"""Whoever takes the comment signs off the template has a profile that is read."""

from __future__ import annotations

import re

from click.testing import CliRunner

from tenantproof.cli.init import command
from tenantproof.model.profile_text import parse

_SETTING = re.compile(r'^# (\[.*|[a-z_]+ = .*|"https:.*)$', re.MULTILINE)


def test_every_table_that_the_template_offers_can_be_taken_as_it_stands() -> None:
    text = CliRunner().invoke(command, []).output
    hosts = ("issuer", "turning", "conformance", "kafka")
    whole = _SETTING.sub(r"\1", text)
    for host in hosts:
        whole = whole.replace('hosts = ["api.example.com"', f'hosts = ["api.example.com", "{host}.example.com"', 1)
    whole = whole.replace('"kafka.example.com"', '"kafka.example.com:9093"', 1)
    whole = whole.replace("allow_listener = false", "allow_listener = true")
    whole = whole.replace("disposable = false", "disposable = true")
    profile = parse(whole, "template")
    assert profile.tokens
    assert profile.tokens.test_key
    assert profile.tokens.test_key.rsa_key
    assert profile.tokens.test_key.one_time
    assert profile.tokens.test_hmac
    assert profile.tokens.rotation
    assert profile.tokens.recover_public_key
    assert profile.aws
    assert profile.kafka
    assert profile.support
    assert profile.links
    assert profile.webhooks
    assert profile.quota
    assert profile.objects
    assert profile.restore
    assert profile.shares
    assert profile.certificates
    assert [each.what for each in profile.names] == ["login", "project"]
    assert profile.tenancy
    assert profile.evidence.archive
