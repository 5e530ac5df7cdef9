"""The pytest plugin: collects checks, makes them, and keeps a finding of each, whatever happens to it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenantproof.judge.conclude import finding, unassessed
from tenantproof.ledger.journal import JournalError
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.verdict import Finding, Reason
from tenantproof.plugin.collect import Check, check_files, find_checks
from tenantproof.plugin.kit import Ledger
from tenantproof.plugin.run import Event, RunContext
from tenantproof.probes.probe import Probe

_TABLES = {
    "kms": "[aws]",
    "tokens": "[tokens]",
    "support": "[support] and safety.allow_writes = true",
    "stores": "[tenants.database]",
    "aggregation": "[aggregation], and safety.allow_writes = true",
    "scoring": "[http.operations] score, and safety.allow_writes = true",
    "trail": "[http.operations] trail",
}


class IsolationPlugin:
    """One run's plugin: give an instance to `pytest.main`, then read what it gathered."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.findings: dict[str, Finding] = {}
        self.claims: dict[str, list[str]] = {}
        self.broken: dict[str, str] = {}
        self.collection_errors: list[str] = []
        self.interrupted = False
        self.stopped = ""
        self._probes: dict[type[Probe], Probe] = {}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A check file, and nothing else, is ours to collect."""
        if file_path not in check_files(self.context.checks_dir.resolve()):
            return None
        collector: pytest.Collector = CheckFile.from_parent(parent, path=file_path, plugin=self)
        return collector

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A check file that can't be collected is the user's error, in one sentence."""
        if report.failed:
            self.collection_errors.append(str(report.longrepr))

    def pytest_keyboard_interrupt(self) -> None:
        """Remember that the user stopped the run."""
        self.interrupted = True

    def probe(self, kind: type[Probe]) -> Probe:
        """The run's one instance of a probe."""
        if kind not in self._probes:
            self._probes[kind] = kind(self.context.target)
        return self._probes[kind]

    def settle(self, check: Check, result: Finding, observations: int) -> None:
        """Keep a finding and tell whoever watches."""
        self.findings[_key(check)] = result
        self.context.progress(Event(check.claim, check.name, observations, result))


class CheckFile(pytest.File):
    """One file of checks."""

    def __init__(self, *, plugin: IsolationPlugin, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]  # pytest's own arguments
        self._plugin = plugin

    def collect(self) -> Iterator[pytest.Item]:
        """Its checks, one item for each claim that they decide."""
        context = self._plugin.context
        for check in find_checks(self.path):
            if check.claim not in context.cards:
                raise self.CollectError(
                    f"{self.path.name}: {check.name} decides {check.claim}, which no card declares; "
                    f"add it to {self.path.with_suffix('.toml').name} or correct the id"
                )
            self._plugin.claims.setdefault(check.claim, []).append(_key(check))
            if _key(check) in context.resume or (context.only and check.claim not in context.only):
                continue
            yield CheckItem.from_parent(self, name=_key(check), check=check, plugin=self._plugin)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Our own errors are a sentence; anything else is a broken check file, with its traceback."""
        del style
        if isinstance(excinfo.value, self.CollectError | UsageError):
            return str(excinfo.value)
        last = "".join(traceback.format_exception(excinfo.value)[-4:])
        return f"{self.path} can't be imported:\n{last}"


class CheckItem(pytest.Item):
    """One check on its way to a finding."""

    def __init__(self, *, check: Check, plugin: IsolationPlugin, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]  # pytest's own arguments
        self._check, self._plugin = check, plugin

    def runtest(self) -> None:
        """Make the check; a finding comes of it in any case but an interrupt."""
        check, plugin = self._check, self._plugin
        journal = plugin.context.journal
        try:
            journal.forget(_key(check))
            result = self._finding()
            observations = result.calibrations + result.trials
            if result.reason is not Reason.BROKEN:
                journal.conclude(result)
        except JournalError as error:
            plugin.stopped = str(error)
            self.session.shouldstop = str(error)
            return
        plugin.settle(check, result, observations)
        self.user_properties.append(("claim", check.claim))
        self.user_properties.append(("verdict", result.verdict.value))

    def _finding(self) -> Finding:
        check, context = self._check, self._plugin.context
        key = _key(check)
        if missing := sorted(check.needs - context.target.capabilities):
            tables = ", ".join(_TABLES.get(name, name) for name in missing)
            because = f"the profile gives no {', '.join(missing)}; add {tables} to it"
            return unassessed(check.claim, key, Reason.CAPABILITY_MISSING, because)
        try:
            self._make()
        except (TargetError, UsageError) as error:
            return unassessed(check.claim, key, Reason.UNREACHABLE, str(error))
        except JournalError:
            raise
        except Exception as error:  # a check may break in any way, and the claim must not vanish with it
            self._plugin.broken[key] = traceback.format_exc()
            because = f"the check itself broke: {type(error).__name__}: {error}"
            return unassessed(check.claim, key, Reason.BROKEN, because[:500])
        return finding(check.claim, key, context.journal.tally(key))

    def _make(self) -> None:
        check, context = self._check, self._plugin.context
        key = _key(check)

        def tell(count: int) -> None:
            context.progress(Event(check.claim, check.name, count))

        ledger = Ledger(context.journal, key, check.claim, tell)
        arguments: dict[str, object] = dict.fromkeys(check.ledgers, ledger)
        arguments |= {name: self._plugin.probe(kind) for name, kind in check.probes.items()}
        tell(0)
        check.function(**arguments)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    """Outside a run, say how checks are run: a check needs a target, and pytest alone has none."""
    del parent
    if file_path.parent.name == "checks" and file_path.with_suffix(".toml").exists():
        raise pytest.UsageError(
            "checks are run against a target: `nox -s isolation`, or `tenantproof run --target FILE`"
        )


def _key(check: Check) -> str:
    """The name a check has in the journal; the claim belongs to it, since one function may decide several."""
    return f"{check.name}[{check.claim}]"
