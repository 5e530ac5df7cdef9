"""The verifier of trees against the RFC's own example, an independent implementation, and every small fault."""

from __future__ import annotations

import hashlib
import itertools

import pymerkle
import pytest

from tenantproof.clients.transparency.merkle import EMPTY_ROOT, Frontier, extends, includes, leaf_hash, root_of
from tenantproof.clients.transparency.merkle import node_hash as node
from tests.transparency.growing import mth, path, proof

LEAVES = [leaf_hash(str(number).encode()) for number in range(70)]
SIZES = range(1, 26)
A, B, C, D, E, F, J = (leaf_hash(f"d{number}".encode()) for number in range(7))
G, H, I = node(A, B), node(C, D), node(E, F)  # noqa: E741  # the RFC's letters
K, L = node(G, H), node(I, J)


def test_the_tree_of_seven_is_that_of_the_rfc() -> None:
    # RFC 6962 and RFC 9162, section 2.1.3/2.1.5: seven entries d0 to d6, the nodes a to l, and the proofs they list.
    root = node(K, L)
    assert root_of([A, B, C, D, E, F, J]) == root
    for index, leaf, steps in ((0, A, [B, H, L]), (3, D, [C, G, L]), (4, E, [F, J, K]), (6, J, [I, K])):
        assert includes(root, 7, index, leaf, steps)
    assert extends(3, node(G, C), 7, root, [C, D, G, L])
    assert extends(4, K, 7, root, [L])
    assert extends(6, node(K, I), 7, root, [I, J, K])


def test_a_leaf_and_a_node_are_hashed_apart_and_an_empty_tree_is_the_hash_of_nothing() -> None:
    assert leaf_hash(b"") == bytes.fromhex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    assert Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()
    assert leaf_hash(A + B) != node(A, B)
    assert not includes(node(K, L), 2, 0, K, [L][:0])
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier().append(A + B)


def test_an_independent_implementation_finds_the_same_roots_and_its_proofs_hold() -> None:
    other = pymerkle.InmemoryTree(algorithm="sha256")
    ours = Frontier()
    for number, leaf in enumerate(LEAVES):
        other.append_entry(str(number).encode())
        ours.append(leaf)
        assert other.get_root(number + 1) == ours.root() == mth(LEAVES[: number + 1])
    for size in (1, 2, 7, 8, 33, 64, 69):
        for index in range(size):
            theirs = other.prove_inclusion(index + 1, size).path
            assert includes(other.get_root(size), size, index, LEAVES[index], theirs[1:])


def test_an_inclusion_proof_holds_for_its_own_leaf_place_size_and_root_alone() -> None:
    for size in SIZES:
        root = mth(LEAVES[:size])
        for index in range(size):
            steps = path(index, LEAVES[:size])
            assert includes(root, size, index, LEAVES[index], steps)
            for other in range(size + 2):
                assert includes(root, size, other, LEAVES[index], steps) is (other == index)
            wrong = [[*steps, root], [root, *steps], steps[:-1], steps[1:], [*steps[:-1], b"short"], [EMPTY_ROOT]]
            assert not any(includes(root, size, index, LEAVES[index], each) for each in wrong if each != steps)
            assert not includes(root, size, index, LEAVES[size], steps)
            assert not includes(EMPTY_ROOT, size, index, LEAVES[index], steps)
            assert not includes(root, 2 * size, index, LEAVES[index], steps)


def test_a_consistency_proof_holds_for_its_own_pair_of_trees_alone() -> None:
    for old, new in itertools.combinations_with_replacement(SIZES, 2):
        steps, before, after = proof(old, LEAVES[:new]), mth(LEAVES[:old]), mth(LEAVES[:new])
        assert extends(old, before, new, after, steps)
        wrong = [[*steps, after], [before, *steps], steps[:-1], steps[1:], [*steps[:-1], b"short"]]
        assert not any(extends(old, before, new, after, each) for each in wrong if each != steps)
        assert not extends(old, EMPTY_ROOT, new, after, steps)
        assert not extends(old, before, new, EMPTY_ROOT, steps)
        assert old == new or not extends(old, before, old, after, steps)
        assert not extends(new + 1, before, new, after, steps)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (0, 0), (-1, 5), (6, 5), (1, 2**60)])
def test_nothing_is_proved_about_an_empty_a_larger_or_an_endless_tree(old: int, new: int) -> None:
    assert not extends(old, EMPTY_ROOT, new, mth(LEAVES[:5]), [])
    assert not extends(old, EMPTY_ROOT, new, EMPTY_ROOT, [])


def test_a_proof_of_a_rewritten_history_does_not_hold() -> None:
    rewritten = [*LEAVES[:3], leaf_hash(b"another"), *LEAVES[4:20]]
    for old in range(4, 20):
        assert not extends(old, mth(LEAVES[:old]), 20, mth(rewritten), proof(old, rewritten))
