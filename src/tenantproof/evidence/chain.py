"""Follows the chain of bundles back, as far as they lie beside one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tenantproof.evidence.manifest import MANIFEST, PLAIN_NAME, Manifest, digest_of
from tenantproof.evidence.sealed import Tampered, manifest_in


@dataclass
class Chain:
    """What following the chain came to: sentences, the bundles that hang together (this one too), what is wrong."""

    links: int = 0
    digests: set[str] = field(default_factory=set)
    """Of every manifest on the way, and of the one that the last of them names."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def follow(folder: Path, manifest: Manifest) -> Chain:
    """Go from a bundle to the one that it names, and on; each digest binds the next manifest, as a signature would.

    A digest that is not the one named and two bundles that both name one as the one before are problems: somebody put
    something in or took something out. A bundle that is not there is a note: old ones may be deleted.
    """
    chain = Chain(links=1, digests={digest_of(folder / MANIFEST)})
    followers = _followers(folder, manifest)
    while (before := manifest.previous) is not None:
        chain.digests.add(before.manifest_sha256)
        if len(rivals := sorted(followers.get(before.run, ()))) > 1:
            chain.problems.append(f"The chain forks: {' and '.join(rivals)} all name {before.run} as the one before.")
        if not (beside := folder.parent / before.run).exists():
            chain.notes.append(f"The bundle before, {before.run}, is not beside this one; that link was not checked.")
            return chain
        if not (beside / MANIFEST).is_file() or digest_of(beside / MANIFEST) != before.manifest_sha256:
            chain.problems.append(f"The chain is broken: {before.run} is not the bundle that {manifest.run} names.")
            return chain
        try:
            found = manifest_in(beside)
        except Tampered as problem:
            chain.notes.append(f"The chain was not followed beyond {before.run}: {problem}")
            return chain
        chain.links += 1
        if found.time > manifest.time:
            chain.notes.append(f"The clock went backwards: {manifest.run} ended before {found.run}, which it follows.")
        manifest = found
    chain.notes.append(f"The chain begins with {manifest.run}, which says that it is the first.")
    return chain


def _followers(folder: Path, own: Manifest) -> dict[str, set[str]]:
    """Run to the runs that name it as the one before, over all bundles beside this one that can be read."""
    found: dict[str, set[str]] = {}
    for manifest in [own, *_beside(folder)]:
        if manifest.previous is not None:
            found.setdefault(manifest.previous.run, set()).add(manifest.run)
    return found


def _beside(folder: Path) -> Iterator[Manifest]:
    for path in folder.parent.iterdir():
        if PLAIN_NAME.match(path.name) and path != folder and not path.is_symlink() and (path / MANIFEST).is_file():
            try:
                yield manifest_in(path)
            except Tampered:
                continue
