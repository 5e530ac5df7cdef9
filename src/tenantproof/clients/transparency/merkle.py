"""Merkle trees as RFC 6962 section 2.1 defines them: roots, and what inclusion and consistency proofs add up to.

Every function follows the recursive definition of the RFC, not the loops of RFC 9162, so that a log that went by the
loops is held to another reading of the same tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""
WIDTH = 32
"""Bytes of a hash."""
LARGEST = 2**53 - 1
"""The most leaves that a tree can have here: what every JSON reader can hold."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry: never that of a node, for it begins otherwise."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that is fed leaf by leaf and keeps only the roots of its complete subtrees: flat memory, any size."""

    def __init__(self) -> None:
        self.size = 0
        self._whole: list[bytes] = []
        """Roots of complete subtrees, the widest first: one for each bit that is set in `size`."""

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash. Raises ValueError when it has not 32 bytes."""
        if len(leaf) != WIDTH:
            raise ValueError(f"a leaf hash has {WIDTH} bytes, not {len(leaf)}")
        node, carry, whole = leaf, self.size, self._whole
        while carry & 1:
            node = hashlib.sha256(b"\x01" + whole.pop() + node).digest()
            carry >>= 1
        whole.append(node)
        self.size += 1

    def graft(self, root: bytes, count: int) -> None:
        """Add a complete subtree of `count` leaves by its root. Raises ValueError where it does not fit."""
        if count < 1 or count & (count - 1) or self.size % count or len(root) != WIDTH:
            raise ValueError(f"no subtree of {count} leaves begins at {self.size}")
        node, carry, whole = root, self.size // count, self._whole
        while carry & 1:
            node = node_hash(whole.pop(), node)
            carry >>= 1
        whole.append(node)
        self.size += count

    def root(self) -> bytes:
        """The root of all leaves so far."""
        if not self._whole:
            return EMPTY_ROOT
        root = self._whole[-1]
        for left in self._whole[-2::-1]:
            root = node_hash(left, root)
        return root


def whole_root(leaves: bytes) -> bytes:
    """The root over joined leaf hashes whose number is a power of two, a level at a time. Raises ValueError."""
    count = len(leaves) // WIDTH
    if not count or count & (count - 1) or len(leaves) != count * WIDTH:
        raise ValueError(f"{len(leaves)} bytes are no complete subtree")
    sha256, level = hashlib.sha256, leaves
    while len(level) > WIDTH:
        pairs = range(0, len(level), 2 * WIDTH)
        level = b"".join([sha256(b"\x01" + level[at : at + 2 * WIDTH]).digest() for at in pairs])
    return level


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of these leaf hashes."""
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def includes(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path leads from the leaf at `index` to the root of a tree of `size` (RFC 6962, 2.1.1).

    A path with a hash too few, too many or of another width leads nowhere.
    """
    if not 0 <= index < size <= LARGEST or not _are_hashes(leaf, root, *path):
        return False
    return _climbed(index, size, leaf, path) == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of `new` leaves begins with that of `old` (RFC 6962, 2.1.2).

    Nothing is proved about an empty tree: every tree begins with it, so such a proof says nothing.
    """
    if not 0 < old <= new <= LARGEST or not _are_hashes(old_root, new_root, *proof):
        return False
    return _grown(old, new, old_root, proof) == (old_root, new_root)


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == WIDTH for value in values)


def _split(size: int) -> int:
    """The largest power of two below `size`, which is at least 2: where the RFC parts a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def _climbed(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that a path leads to, or None when it has not the length that the place wants."""
    if size == 1 or not path:
        return leaf if size == 1 and not path else None
    middle, inner, sibling = _split(size), path[:-1], path[-1]
    if index < middle:
        below = _climbed(index, middle, leaf, inner)
        return None if below is None else node_hash(below, sibling)
    below = _climbed(index - middle, size - middle, leaf, inner)
    return None if below is None else node_hash(sibling, below)


def _grown(old: int, new: int, known: bytes | None, proof: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that a proof adds up to. `known`: the old root, where the old tree is a subtree by itself."""
    if old == new:
        if known is not None:
            return None if proof else (known, known)
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    middle, inner, last = _split(new), proof[:-1], proof[-1]
    if old <= middle:
        below = _grown(old, middle, known, inner)
        return None if below is None else (below[0], node_hash(below[1], last))
    below = _grown(old - middle, new - middle, None, inner)
    return None if below is None else (node_hash(last, below[0]), node_hash(last, below[1]))
