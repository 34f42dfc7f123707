"""The formal proofs: what the book says of them is so, and Coq accepts them.

Without Coq and Coquelicot the tests that need them say so and are skipped, unless
NWP_REQUIRE_COQ is set.
"""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import built
import formal
import pytest
from editions import PORTUGUESE, ROOT
from formal import AXIOMS, all_formals, anchor, chapter_files, covered, definitions_of, formals_of
from formal_page import reasons
from languages import FOLDERS
from ledger import PROVED, all_claims
from sources import theorem_lines_of
from strings import LANGUAGES, STRINGS

FORMALS = all_formals()
CLAIMS = {claim.label: claim for claim in all_claims()}
BOX = """(* box: thm-small, part 1
   Covers: all.
   Hypotheses: none.
   Cobre: tudo.
   Hipóteses: nenhuma.
   Mutation: `1 <= 2` becomes `2 <= 1`. *)
Theorem small : 1 <= 2.
Proof.
  lra.
Qed.
"""


def test_the_main_theorems_have_a_formal_proof():
    """What the book cannot do without."""
    assert {"thm-2", "thm-2-1", "prop-gibbs", "prop-mle", "prop-logits", "cex-weights"} <= {
        theorem.label for theorem in FORMALS
    }
    assert [f.part for f in FORMALS if f.label == "thm-2"] == ["part 1", "part 2", "part 3"]


@pytest.mark.parametrize("theorem", FORMALS, ids=lambda theorem: theorem.name)
def test_a_formal_proof_belongs_to_a_box_of_its_chapter(theorem):
    chapter = CLAIMS[theorem.label].chapter
    assert theorem.file == f"{chapter.split('_', 1)[1]}.v"
    for words in (theorem.covers, theorem.hypotheses):
        assert {*words} == {*LANGUAGES}
        assert len({*words.values()}) == len(LANGUAGES)
        assert all(text.endswith(".") for text in words.values())


def test_names_of_theorems_are_unique():
    names = [theorem.name for theorem in FORMALS]
    assert len(names) == len({*names})


def test_each_provable_claim_has_a_formal_proof_or_a_reason():
    """Of a chapter that has a file of formal proofs."""
    files, proved = {path.stem for path in chapter_files()}, {f.label for f in FORMALS}
    why = reasons("en")
    for label, claim in CLAIMS.items():
        if claim.kind in PROVED and claim.chapter.split("_", 1)[1] in files:
            assert label in proved or label in why, f"{label}: no formal proof, and no reason"
    assert {*why} <= {*CLAIMS}
    assert not {*why} & proved


def test_nothing_is_left_open():
    assert formal.gaps() == []


def test_a_gap_is_found(tmp_path, monkeypatch):
    text = "Lemma a : 1 <= 2.\nProof.\nAdmitted. (* Axiom *)\nAxiom b : 2 <= 1.\n"
    (tmp_path / "small.v").write_text(text, encoding="utf-8")
    monkeypatch.setattr(formal, "PROOFS", tmp_path)
    assert formal.gaps() == [
        "proofs/small.v, line 3: Admitted",
        "proofs/small.v, line 4: Axiom",
    ]


def test_each_file_stands_after_those_that_it_loads():
    order = [path.stem for path in formal.in_order()]
    assert sorted(order) == sorted(path.stem for path in (ROOT / "proofs").glob("*.v"))
    assert order.index("definitions") < order.index("equivalence") < order.index("convexity")


def test_reading_a_theorem(tmp_path):
    path = tmp_path / "small.v"
    path.write_text(f"Lemma x : True.\n\n{BOX}", encoding="utf-8")
    (found,) = formals_of(path)
    assert (found.label, found.part, found.name) == ("thm-small", "part 1", "small")
    assert found.covers == {"en": "all.", "pt-BR": "tudo."}
    assert found.hypotheses == {"en": "none.", "pt-BR": "nenhuma."}
    assert found.statement == "Theorem small : 1 <= 2."
    assert found.mutated == "Theorem small : 2 <= 1."
    assert (found.file, found.line, found.lines) == ("small.v", 3, 4)
    assert covered([found, found], "en") == "all; all."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("   Cobre: tudo.\n", "", "line 1: expected the fields"),
        ("`1 <= 2`", "`1 < 2`", "line 1: the mutation must change what stands once"),
        ("Theorem", "Lemma", "line 1: below the comment a theorem"),
    ],
)
def test_a_comment_in_another_form_is_an_error(tmp_path, old, new, message):
    path = tmp_path / "small.v"
    path.write_text(BOX.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        formals_of(path)


def test_the_definitions_are_shown_with_their_comments(tmp_path):
    path = tmp_path / "small.v"
    path.write_text(
        "(** Head. *)\n\n(** One. *)\nDefinition one := 1.\nNotation two := (1 + 1).\n\n"
        "Lemma l : 1 = 1.\nProof. reflexivity. Qed.\n\nDefinition f (x : R) : R :=\n  x + 1.5.\n",
        encoding="utf-8",
    )
    assert definitions_of(path) == (
        "(** One. *)\nDefinition one := 1.\n\nNotation two := (1 + 1).\n\n"
        "Definition f (x : R) : R :=\n  x + 1.5."
    )
    shared = definitions_of(ROOT / "proofs" / "definitions.v")
    for name in ("distribution", "one_hot", "loss", "cross_entropy", "softmax", "logits_loss"):
        assert f"Definition {name} " in shared
    assert "Lemma" not in shared


# ---- the built pages ----

soup_of = cache(built.soup_of)  # the tests below only look at a page


@pytest.mark.parametrize("language", FOLDERS)
def test_the_page_shows_each_theorem_beside_the_box(language):
    soup = soup_of(f"{FOLDERS[language]}reference/proofs.html")
    claims = {claim.label: claim for claim in all_claims(PORTUGUESE if FOLDERS[language] else ROOT)}
    labels = list(dict.fromkeys(theorem.label for theorem in FORMALS))
    boxes = {box["id"].removeprefix("formal-"): box for box in soup.select(".formal")}
    assert sorted(boxes) == sorted(labels)
    for label, box in boxes.items():
        own = [theorem for theorem in FORMALS if theorem.label == label]
        code = [block.get_text().strip() for block in box.select("pre")]
        assert code == [theorem.statement for theorem in own]
        assert box.select_one(".admonition-title a")["href"].endswith(f".html#{label}")
        text = box.get_text()
        if claims[label].hypotheses:
            assert STRINGS[language]["hypotheses"] in text
        for theorem in own:
            assert f"{theorem.file}::{theorem.name}" in text
    assert [item.get_text() for item in soup.select("article li code")] == [*AXIOMS]


@pytest.mark.parametrize("language", FOLDERS)
def test_each_box_with_a_formal_proof_has_a_mark_that_leads_there(language):
    folder = FOLDERS[language]
    shown = {box["id"] for box in soup_of(f"{folder}reference/proofs.html").select("[id]")}
    for chapter in sorted({CLAIMS[theorem.label].chapter for theorem in FORMALS}):
        soup = soup_of(f"{folder}chapters/{chapter}.html")
        marks = {mark.parent["id"]: mark for mark in soup.select(".proof > .machine-checked")}
        mine = [theorem for theorem in FORMALS if CLAIMS[theorem.label].chapter == chapter]
        assert {*marks} == {theorem.label for theorem in mine}
        for label, mark in marks.items():
            assert mark.a.get_text() == STRINGS[language]["machine-checked"]
            assert mark.a["href"] == f"../reference/proofs.html#{anchor(label)}"
            assert anchor(label) in shown
            words = covered([theorem for theorem in mine if theorem.label == label], language)
            first = re.split(r"[$]", words)[0]
            assert mark.get_text().startswith(f"{mark.a.get_text()}: {first}")


@pytest.mark.parametrize("language", FOLDERS)
def test_the_ledger_has_the_same_marks(language):
    soup = soup_of(f"{FOLDERS[language]}reference/claims.html")
    links = [a["href"] for a in soup.select(".claim a") if "formal-" in a.get("href", "")]
    assert sorted(links) == sorted({f"proofs.html#{anchor(theorem.label)}" for theorem in FORMALS})


@pytest.mark.parametrize("language", FOLDERS)
def test_the_name_of_a_theorem_leads_to_its_proof(language):
    soup = soup_of(f"{FOLDERS[language]}reference/proofs.html")
    links = {link.get_text(): link["href"] for link in soup.select(".formal a") if link.code}
    for theorem in FORMALS:
        stem = theorem.file.removesuffix(".v")
        assert links[f"{theorem.file}::{theorem.name}"] == f"../proofs/{stem}.html#{theorem.name}"
    for path in chapter_files():
        page = soup_of(f"{FOLDERS[language]}proofs/{path.stem}.html")
        source = path.read_text(encoding="utf-8")
        assert page.select_one("article pre").get_text().strip() == source.strip()
        anchors = {span["id"] for span in page.select("article pre span[id]")}
        assert {*theorem_lines_of(source)} <= anchors


# ---- Coq itself ----


@pytest.fixture(scope="module")
def coq():
    reason = ""
    if shutil.which("coqc") is None:
        reason = f"Coq is not installed: {formal.INSTALL}"
    else:
        where = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True)
        if not (Path(where.stdout.strip()) / "user-contrib" / "Coquelicot").is_dir():
            reason = f"Coquelicot is not installed: {formal.INSTALL}"
    if reason and os.environ.get("NWP_REQUIRE_COQ"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def test_coq_accepts_every_proof(coq):
    """What each theorem assumes, and that a changed one fails, `make proofs` says: two minutes."""
    formal.compile_all()
    for path in formal.in_order():
        assert (formal.BUILD / path.name).with_suffix(".vo").stat().st_size


@pytest.fixture
def small(coq, tmp_path, monkeypatch):
    """Make a folder of formal proofs with one theorem."""

    def make(text: str) -> Path:
        path = tmp_path / "small.v"
        path.write_text(f"From Coq Require Import Reals Lra.\nOpen Scope R_scope.\n{text}")
        return path

    monkeypatch.setattr(formal, "PROOFS", tmp_path)
    monkeypatch.setattr(formal, "BUILD", tmp_path / "build")
    return make


def test_a_proof_that_fails_ends_the_check(small):
    small(BOX.replace("1 <= 2", "2 <= 1"))
    with pytest.raises(SystemExit, match="Cannot find witness"):
        formal.compile_all()


def test_an_axiom_is_reported(small):
    path = small("Axiom wrong : 2 <= 1.\n" + BOX.replace("lra.", "assert (H := wrong). lra."))
    formal.compile_all()
    (found,) = formal.assumptions(formals_of(path)).values()
    assert "wrong" in found
    (row,) = (formal.BUILD / "assumptions.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert row.split("\t")[:3] == ["thm-small", "part 1", "small"]
    assert "wrong" in row.split("\t")[3].split(", ")


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ("`1 <= 2` becomes `2 <= 1`", []),
        ("`1 <= 2` becomes `1 < 2`", ["small is proved also with 1 < 2"]),
        ("`1 <= 2` becomes `1 <= x`", ["small cannot be changed so: 1 <= x"]),
    ],
)
def test_a_changed_statement_that_is_proved_is_reported(small, change, trouble):
    path = small(BOX.replace("`1 <= 2` becomes `2 <= 1`", change))
    formal.compile_all()
    assert formal.survivors(path) == [f"proofs/small.v: {text}" for text in trouble]
