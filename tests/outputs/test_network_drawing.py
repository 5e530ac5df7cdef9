"""The drawing of who could reach whom has an arrow for every pair, and the one that got through can't be overlooked."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tenantproof.model.grid import Cell, Grid
from tenantproof.outputs.network import network_svg, told, ways

SVG = "{http://www.w3.org/2000/svg}"


def grid(**pairs: Cell) -> Grid:
    """Cells by "attacker__victim"."""
    split = {tuple(name.split("__")): cell for name, cell in pairs.items()}
    rows = tuple(dict.fromkeys(attacker for attacker, _ in split))
    columns = tuple(dict.fromkeys(victim for _, victim in split))
    cells = tuple(tuple(split.get((row, column), Cell()) for column in columns) for row in rows)
    return Grid(section="", across="victim", down="attacker", rows=rows, columns=columns, cells=cells)


def drawn(of: Grid) -> ET.Element:
    return ET.fromstring(network_svg(of))


def test_every_pair_that_was_tried_has_an_arrow() -> None:
    pairs = grid(acme__globex=Cell(4), globex__acme=Cell(4), acme__acme=Cell(9), globex__umbrella=Cell())
    assert [(way.attacker, way.victim) for way in ways(pairs)] == [("acme", "globex"), ("globex", "acme")]
    root = drawn(pairs)
    assert len(root.findall(f".//{SVG}path")) == 2
    assert len(root.findall(f"{SVG}circle")) == 2
    assert "2 pairs tried, 0 of them with a trial that got through" in (root.findtext(f"{SVG}title") or "")


def test_what_got_through_is_heavy_marked_told_and_on_top() -> None:
    root = drawn(grid(acme__globex=Cell(4, refuted=3), globex__acme=Cell(4), umbrella__acme=Cell(2, 0, 0, 1)))
    *others, last = root.findall(f"{SVG}g")
    assert last.findtext(f"{SVG}title") == "acme at globex: 4 trials, 3 got through"
    assert last.findtext(f"{SVG}text") == "✗ 3"
    widths = [float(each.find(f"{SVG}path").attrib["stroke-width"]) for each in (*others, last)]  # type: ignore[union-attr]
    assert widths == [1, 2, 4]
    dashes = ["stroke-dasharray" in each.find(f"{SVG}path").attrib for each in (*others, last)]  # type: ignore[union-attr]
    assert dashes == [False, True, False]
    assert told(ways(grid(a__b=Cell(2, 0, 0, 1)))[0]) == "a at b: 2 trials, none got through, 1 without an answer"


def test_a_name_from_the_target_is_text_and_nothing_else() -> None:
    hostile = '<img src=x onerror="alert(1)">'
    pairs = Grid(section="", across="victim", down="attacker", rows=(hostile,), columns=("b",), cells=((Cell(1),),))
    root = drawn(pairs)
    assert not [each for each in root.iter() if each.tag.endswith("img")]
    assert any("onerror" in said for said in root.itertext())


def test_a_long_name_is_cut_where_the_drawing_ends() -> None:
    long = "arn:aws:iam::100000000001:role/" + "x" * 60
    root = drawn(grid(**{f"{long}__acme": Cell(1), f"acme__{long}": Cell(1), "globex__acme": Cell(1)}))
    wide = float(root.attrib["viewBox"].split()[2])
    (label,) = [each for each in root.findall(f"{SVG}text") if (each.text or "").startswith("arn:")]
    assert label.text == long[:39] + "…"
    # Half an em is more than a letter of a bold sans serif takes on the average.
    beside = len(label.text) * 0.56 * 11
    start = float(label.attrib["x"]) - (beside if label.attrib["text-anchor"] == "end" else 0)
    assert start >= 0
    assert start + beside <= wide


def test_of_many_names_the_drawing_says_how_many_it_leaves_out() -> None:
    names = tuple(f"t{number}" for number in range(60))
    pairs = Grid(section="", across="v", down="a", rows=("a",), columns=names, cells=(tuple(Cell(1) for _ in names),))
    root = drawn(pairs)
    assert len(root.findall(f"{SVG}circle")) == 24
    assert "37 more names are not drawn" in (root.findtext(f"{SVG}title") or "")
