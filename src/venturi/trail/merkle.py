"""The Merkle tree of RFC 6962, section 2.1: leaf and node hashes, roots, inclusion and consistency proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Hash an entry; the prefix 0x00 keeps a leaf from being taken for a node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees, 32 bytes each; the prefix 0x01 keeps a node from being taken for a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(width: int) -> int:
    """The largest power of two below `width`, which is at least 2."""
    return 1 << (width - 1).bit_length() - 1


class Growth(NamedTuple):
    """What leaves would add to a tree of `size`: the new nodes of every level, and the root with them."""

    size: int
    levels: list[list[bytes]]
    root: bytes


class Tree:
    """A tree that only grows. It keeps the hash of every complete subtree, so each proof costs O(log n)."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def leaf(self, index: int) -> bytes:
        """The leaf hash at `index`, from 0. Raises IndexError outside the tree."""
        if not 0 <= index < len(self):
            raise IndexError(f"no leaf {index} in a tree of {len(self)}")
        return self._levels[0][index]

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash of 32 bytes. Raises ValueError for another length."""
        if len(leaf) != 32:
            raise ValueError(f"a leaf hash has 32 bytes, not {len(leaf)}")
        self._levels[0].append(leaf)
        level = 0
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            left, right = self._levels[level][-2:]
            self._levels[level + 1].append(node_hash(left, right))
            level += 1

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, of all without one. Raises ValueError beyond the tree."""
        size = len(self) if size is None else size
        self._within(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def grown(self, leaves: Sequence[bytes]) -> Growth:
        """What `leaves` of 32 bytes would add behind the tree's own; the tree itself stays as it is.

        Costs O(len(leaves) + log n): the complete subtrees that are there already are not hashed again.
        """
        stack, levels = self._complete(), list[list[bytes]]()
        for leaf in leaves:
            level, node = 0, leaf
            while True:
                if level == len(levels):
                    levels.append([])
                levels[level].append(node)
                if not stack or stack[-1][0] != level:
                    break
                node, level = node_hash(stack.pop()[1], node), level + 1
            stack.append((level, node))
        return Growth(len(self), levels, _folded([node for _, node in stack]))

    def accept(self, growth: Growth) -> None:
        """Take in what was computed by `grown`. Raises ValueError when the tree has another size by now."""
        if growth.size != len(self):
            raise ValueError(f"grown from a tree of {growth.size}, not of {len(self)}")
        self._levels += [[] for _ in growth.levels[len(self._levels) :]]
        for level, nodes in enumerate(growth.levels):
            self._levels[level] += nodes

    def _complete(self) -> list[tuple[int, bytes]]:
        """The complete subtrees that the tree is made of, from the left: the level of each, and its hash."""
        size, found = 0, list[tuple[int, bytes]]()
        for level in reversed(range(len(self._levels))):
            if len(self) >> level & 1:
                found.append((level, self._levels[level][size >> level]))
                size += 1 << level
        return found

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of leaf `index` in the tree of `size` leaves (2.1.1). Raises ValueError outside it."""
        self._within(size)
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        return self._path(index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the first `old` of `new` leaves are unchanged (2.1.2).

        Raises ValueError unless 0 < old <= new <= len(tree): there is nothing to prove about an empty tree.
        """
        self._within(new)
        if not 0 < old <= new:
            raise ValueError(f"no consistency proof from {old} to {new}")
        return self._subproof(old, 0, new, whole=True)

    def _within(self, size: int) -> None:
        if not 0 <= size <= len(self):
            raise ValueError(f"the tree has {len(self)} leaves, not {size}")

    def _range(self, low: int, high: int) -> bytes:
        width = high - low
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self._levels[level][low >> level]
        middle = low + split(width)
        return node_hash(self._range(low, middle), self._range(middle, high))

    def _path(self, index: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + split(high - low)
        if index < middle:
            return [*self._path(index, low, middle), self._range(middle, high)]
        return [*self._path(index, middle, high), self._range(low, middle)]

    def _subproof(self, old: int, low: int, high: int, *, whole: bool) -> list[bytes]:
        if old == high:
            return [] if whole else [self._range(low, high)]
        middle = low + split(high - low)
        if old <= middle:
            return [*self._subproof(old, low, middle, whole=whole), self._range(middle, high)]
        return [*self._subproof(old, middle, high, whole=False), self._range(low, middle)]


def _folded(nodes: Sequence[bytes]) -> bytes:
    if not nodes:
        return EMPTY_ROOT
    root = nodes[-1]
    for left in reversed(nodes[:-1]):
        root = node_hash(left, root)
    return root


def includes(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` leads from `leaf` at `index` to `root` of `size` leaves (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = node_hash(sibling, current)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and current == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree of `new` leaves begins with the tree of `old` (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, step)
        node, last = node >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
