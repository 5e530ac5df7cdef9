"""The pytest plugin: collects checks, makes them, and keeps a finding of each, whatever happens to it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tenantproof.judge.conclude import cut_short, finding, unassessed
from tenantproof.ledger.journal import JournalError
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.verdict import Finding, Reason, Verdict
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
    "training": "[aggregation.operations] train, [http.operations] model and write, and safety.allow_writes = true",
    "trail": "[http.operations] trail",
    "buckets": "[aws], and bucket and database_instance of every tenant",
    "streams": "[kafka]",
    "resolution": "[resolution], and safety.allow_writes = true",
    "erasure": "[erasure] with a disposable tenant, and safety.allow_destructive = true",
}
_LONGEST = 500


class IsolationPlugin:
    """One run's plugin: give an instance to `pytest.main`, then read what it gathered."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.findings: dict[str, Finding] = {}
        self.claims: dict[str, list[str]] = {}
        self.broken: dict[str, str] = {}
        self.collection_errors: list[str] = []
        self.is_collected = False
        self.interrupted = False
        self.stopped = ""
        self._homes: dict[str, Path] = {}
        self._probes: dict[type[Probe], Probe] = {}

    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector:
        """Stands in for the folder of checks, so that nothing in the real one's name or links can confuse pytest."""
        folder: pytest.Collector = CheckFolder.from_parent(parent, path=path, plugin=self)
        return folder

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A check file that can't be collected is the user's error, in one sentence."""
        if report.failed:
            self.collection_errors.append(str(report.longrepr))

    def pytest_collection_modifyitems(self) -> None:
        """Remember that every check is known; before that, a claim without one may just not have been read yet."""
        self.is_collected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the finding that an item left in its report; an item without one broke before it could."""
        told = dict(report.user_properties)
        if isinstance(raw := told.get("finding"), str):
            if report.when == "call":
                self._settle(msgspec.json.decode(raw, type=Finding), str(told.get("broken", "")))
        elif not report.passed and "check" in told and not self.stopped:
            because = f"the check itself broke during {report.when}"
            found = unassessed(str(told["claim"]), str(told["check"]), Reason.BROKEN, because)
            self._settle(found, report.longreprtext or because)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that the user stopped the run; pytest says the same when we stopped it ourselves."""
        self.interrupted = self.interrupted or not excinfo.errisinstance(pytest.Session.Interrupted)

    def pytest_sessionfinish(self) -> None:
        """Every probe lets go of what it holds."""
        for probe in self._probes.values():
            probe.close()

    def probe(self, kind: type[Probe]) -> Probe:
        """The run's one instance of a probe."""
        if kind not in self._probes:
            self._probes[kind] = kind(self.context.target)
        return self._probes[kind]

    def enrol(self, check: Check, path: Path) -> None:
        """Note that a check exists. Raises UsageError when its claim doesn't, or another file has the same check."""
        if check.claim not in self.context.cards:
            raise UsageError(
                f"{path.name}: {check.name} decides {check.claim}, which no card declares; "
                f"add it to {path.with_suffix('.toml').name} or correct the id"
            )
        if check.key in self._homes:
            raise UsageError(
                f"{path.name}: {check.name} decides {check.claim}, and so does the {check.name} of "
                f"{self._homes[check.key].name}; rename one, or its evidence would replace the other's"
            )
        self._homes[check.key] = path
        self.claims.setdefault(check.claim, []).append(check.key)

    def _settle(self, result: Finding, broken: str) -> None:
        self.findings[result.check] = result
        if broken:
            self.broken[result.check] = broken
        name = result.check.removesuffix(f"[{result.claim}]")
        self.context.progress(Event(result.claim, name, result.calibrations + result.trials, result))


class CheckFolder(pytest.Directory):
    """The folder of checks."""

    def __init__(self, *, plugin: IsolationPlugin, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]  # pytest's own arguments
        self._plugin = plugin

    def collect(self) -> Iterator[pytest.Collector]:
        """Its files of checks."""
        for path in check_files(self._plugin.context.checks_dir):
            yield CheckFile.from_parent(self, path=path, plugin=self._plugin)


class CheckFile(pytest.File):
    """One file of checks."""

    def __init__(self, *, plugin: IsolationPlugin, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]  # pytest's own arguments
        self._plugin = plugin

    def collect(self) -> Iterator[pytest.Item]:
        """Its checks, one item for each claim that they decide."""
        context = self._plugin.context
        for check in find_checks(self.path):
            self._plugin.enrol(check, self.path)
            if check.key in context.resume or (context.only and check.claim not in context.only):
                continue
            number, count = context.target.sweep.shard
            if number not in check.shards(count):
                continue
            yield CheckItem.from_parent(self, name=check.key, check=check, plugin=self._plugin)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Our own errors are a sentence; anything else is a broken check file, with its traceback."""
        del style
        if isinstance(excinfo.value, self.CollectError | UsageError):
            return str(excinfo.value)
        last = "".join(traceback.format_exception(excinfo.value)[-4:])
        return f"{self.path} can't be imported:\n{last}"


class CheckItem(pytest.Item):
    """One check on its way to a finding, which it leaves in its report as JSON."""

    def __init__(self, *, check: Check, plugin: IsolationPlugin, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]  # pytest's own arguments
        self._check, self._plugin = check, plugin
        self._is_cut_short = False
        self.user_properties += [("check", check.key), ("claim", check.claim)]

    def runtest(self) -> None:
        """Make the check; a finding comes of it in any case but an interrupt."""
        journal = self._plugin.context.journal
        try:
            result = self._finding()
            if not self._is_cut_short:
                journal.conclude(result)
        except JournalError as error:
            self._plugin.stopped = str(error)
            self.session.shouldstop = str(error)
            return
        self.user_properties.append(("finding", msgspec.json.encode(result).decode()))

    def _finding(self) -> Finding:
        check, context = self._check, self._plugin.context
        if missing := sorted(check.needs - context.target.capabilities):
            tables = ", ".join(_TABLES.get(name, f"[{name}]") for name in missing)
            because = f"the profile gives no {', '.join(missing)}; add {tables} to it"
            return unassessed(check.claim, check.key, Reason.CAPABILITY_MISSING, because)
        if context.journal.tally(check.key).refuted:
            # A run that was cut short saw it; making the check anew would lose the evidence.
            return self._cut_short(Reason.INTERRUPTED, "the run was cut short")
        context.journal.forget(check.key)
        try:
            self._make()
        except (JournalError, KeyboardInterrupt):
            raise
        except (TargetError, UsageError) as error:
            return self._cut_short(Reason.UNREACHABLE, str(error))
        except BaseException as error:  # also SystemExit and pytest.skip: the claim must not vanish with its check
            self.user_properties.append(("broken", traceback.format_exc()))
            because = f"the check itself broke: {type(error).__name__}: {error}"
            return self._cut_short(Reason.BROKEN, because[:_LONGEST])
        return self._resting(finding(check.claim, check.key, context.journal.tally(check.key)))

    def _resting(self, result: Finding) -> Finding:
        """A pass counts only where the target has the properties that it rests on; a refutation stands anyhow."""
        context, claim = self._plugin.context, self._check.claim
        wanted = context.cards[claim].rests_on
        if result.verdict is not Verdict.SATISFIED or not wanted or context.fidelity is None:
            return result
        answers = context.fidelity()
        unmet = answers.unmet(wanted)
        if not unmet:
            return result
        because = answers.because or f"it rests on facts that do not hold on this target: {', '.join(unmet)}"
        return msgspec.structs.replace(
            result, verdict=Verdict.NOT_ASSESSED, reason=Reason.FIDELITY_MISSING, because=because
        )

    def _cut_short(self, reason: Reason, because: str) -> Finding:
        self._is_cut_short = True  # so a resumed run makes it anew
        tally = self._plugin.context.journal.tally(self._check.key)
        return cut_short(self._check.claim, self._check.key, tally, reason, because)

    def _make(self) -> None:
        check, context = self._check, self._plugin.context

        def tell(count: int) -> None:
            context.progress(Event(check.claim, check.name, count))

        ledger = Ledger(context.journal, check.key, check.claim, tell)
        arguments: dict[str, object] = dict.fromkeys(check.ledgers, ledger)
        arguments |= {name: self._plugin.probe(kind) for name, kind in check.probes.items()}
        tell(0)
        check.function(**arguments)


_HAS_CHECKS = pytest.StashKey[bool]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    """Outside a run, notice that pytest alone was pointed at checks."""
    if file_path.suffix == ".py" and file_path.parent.name == "checks" and file_path.with_suffix(".toml").exists():
        parent.config.stash[_HAS_CHECKS] = True


def pytest_collection_finish(session: pytest.Session) -> None:
    """Outside a run, say how checks are run and end 2: a check needs a target, and pytest alone has none."""
    if session.config.stash.get(_HAS_CHECKS, False):
        pytest.exit("checks are run against a target: `nox -s isolation`, or `tenantproof run --target FILE`", 2)
