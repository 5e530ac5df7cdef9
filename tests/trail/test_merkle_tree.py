"""The tree against RFC 6962's known answers, against an independent implementation, and against every small fault."""

from __future__ import annotations

import hashlib

import pymerkle
import pytest

from venturi.trail.merkle import EMPTY_ROOT, Tree, extends, includes, leaf_hash, node_hash

# The entries and roots that certificate transparency's own tests use (trees of 0 to 8 leaves).
ENTRIES = [
    bytes.fromhex(x)
    for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
GOLDEN = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
SIZES = range(1, 34)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def tree(count: int) -> Tree:
    return Tree(leaves(count))


def test_the_roots_are_those_of_certificate_transparency() -> None:
    grown = Tree(leaf_hash(entry) for entry in ENTRIES)
    assert {size: grown.root(size).hex() for size in GOLDEN} == GOLDEN
    assert grown.root(0) == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_an_independent_implementation_gets_the_same_roots_and_paths() -> None:
    other = pymerkle.InmemoryTree(algorithm="sha256")
    ours = Tree()
    for size in range(1, 70):
        other.append_entry(str(size).encode())
        ours.append(leaf_hash(str(size).encode()))
        assert other.get_root(size) == ours.root()
    for size in (1, 2, 7, 8, 33, 64, 69):
        for index in range(size):
            theirs = other.prove_inclusion(index + 1, size).path
            # Theirs begins with the leaf itself.
            assert theirs == [ours.leaf(index), *ours.inclusion(index, size)]


def test_what_leaves_would_add_is_what_they_add() -> None:
    for size in range(20):
        for more in range(20):
            both = leaves(size + more)
            whole, grown = Tree(both), Tree(both[:size])
            growth = grown.grown(both[size:])
            assert (growth.root, len(grown)) == (whole.root(), size)
            grown.accept(growth)
            assert grown._levels == whole._levels


def test_what_was_grown_from_another_tree_is_not_taken_in() -> None:
    first, second = Tree(leaves(3)), Tree(leaves(4))
    with pytest.raises(ValueError, match="grown from a tree of 3, not of 4"):
        second.accept(first.grown(leaves(1)))
    assert len(second) == 4


def test_every_inclusion_proof_holds_for_its_own_leaf_place_size_and_root_alone() -> None:
    big = tree(SIZES[-1])
    for size in SIZES:
        root = big.root(size)
        for index in range(size):
            leaf, path = big.leaf(index), big.inclusion(index, size)
            assert includes(root, size, index, leaf, path)
            assert not includes(root, size, index, leaf_hash(b"other"), path)
            assert not includes(EMPTY_ROOT, size, index, leaf, path)
            assert not includes(root, size, size, leaf, path)
            assert not includes(root, 2 * size, index, leaf, path)
            assert not includes(root, size, index, leaf, [*path, root])
            assert not includes(root, size, index, leaf, [root, *path])
            if path:
                assert not includes(root, size, index, leaf, path[:-1])
                assert not includes(root, size, (index + 1) % size, leaf, path)


def test_every_consistency_proof_holds_for_its_own_pair_of_trees_alone() -> None:
    big = tree(SIZES[-1])
    for new in SIZES:
        for old in range(1, new + 1):
            proof, before, after = big.consistency(old, new), big.root(old), big.root(new)
            assert extends(old, before, new, after, proof)
            assert not extends(old, EMPTY_ROOT, new, after, proof)
            assert not extends(old, before, new, EMPTY_ROOT, proof)
            assert not extends(old, before, new, after, [*proof, after])
            assert not extends(0, EMPTY_ROOT, new, after, proof)
            assert not extends(new + 1, before, new, after, proof)
            if proof:
                assert not extends(old, before, new, after, proof[:-1])


def test_nothing_is_proved_about_an_empty_or_a_larger_tree() -> None:
    some = tree(5)
    for old, new in ((0, 5), (0, 0), (6, 6), (3, 6), (4, 3), (-1, 5)):
        with pytest.raises(ValueError, match=r"tree|proof"):
            some.consistency(old, new)
    for index, size in ((5, 5), (-1, 5), (0, 6), (0, 0)):
        with pytest.raises(ValueError, match="tree"):
            some.inclusion(index, size)


def test_a_node_can_not_pass_for_a_leaf() -> None:
    pair = tree(2)
    forged = pair.leaf(0) + pair.leaf(1)
    assert node_hash(pair.leaf(0), pair.leaf(1)) == pair.root()
    assert leaf_hash(forged) != pair.root()
    with pytest.raises(ValueError, match="32 bytes"):
        pair.append(forged)
