"""The formal proofs in `proofs/`: read for the pages, and checked by Coq.

A theorem that proves a box of the book stands below a comment with the box's label; its form is
described in `proofs/definitions.v`. The pages are made from the sources and need no Coq.

`python tools/formal.py` compiles all files, fails on a gap or on an axiom that the real numbers
of the standard library do not rest on, and writes what each theorem assumes to
`_build/proofs/assumptions.txt`. Then it changes each theorem as its comment says, by one sign or
hypothesis, and fails if the proof still goes through. It needs Coq and Coquelicot, and of
Python only the standard library.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROOFS = ROOT / "proofs"
BUILD = ROOT / "_build" / "proofs"
PROCESSES = 2  # of Coq at a time, each with up to half a gigabyte
LIBRARY = "NWP"  # under which the files load each other
COMMAND = ["-q", "-w", "-ambiguous-paths", "-Q", ".", LIBRARY]
INSTALL = (
    "the formal proofs need Coq and its library Coquelicot: on Debian or Ubuntu "
    "`apt-get install coq libcoq-coquelicot`, elsewhere `opam install coq coq-coquelicot`"
)
# What the real numbers of the standard library rest on: that a statement or its opposite is true,
# two ways to decide about real numbers, and that functions with the same values are the same.
AXIOMS = (
    "Classical_Prop.classic",
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
)
GAP = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|Hypothes[ie]s|Variables?)\b"
)
COMMENT = re.compile(r"\(\*.*?\*\)", re.DOTALL)
REQUIRED = re.compile(rf"^From {LIBRARY} Require Import (.*)\.$", re.MULTILINE)
BOX = re.compile(
    r"^\(\* box: (?P<head>[^\n]*)\n(?P<fields>.*?)\*\)\n"
    r"(?P<statement>Theorem (?P<name>\w+)\b.*?\.)\nProof\.(?P<proof>.*?)\nQed\.\n",
    re.DOTALL | re.MULTILINE,
)
WORDS = {"en": ("Covers", "Hypotheses"), "pt-BR": ("Cobre", "Hipóteses")}
FIELDS = (*WORDS["en"], *WORDS["pt-BR"], "Mutation")
FIELD = re.compile(rf"^ +({'|'.join(FIELDS)}): ", re.MULTILINE)
MUTATION = re.compile(r"`([^`]+)` becomes `([^`]+)`\.")
COMMANDS = ("Definition", "Fixpoint", "Notation")


@dataclass(frozen=True)
class Formal:
    """A theorem that proves a box of the book, or a part of it."""

    label: str
    part: str  # of the box, such as "part 2"; of a whole box nothing
    covers: dict[str, str]  # language → what of the box is proved
    hypotheses: dict[str, str]
    name: str
    statement: str
    proof: str
    mutation: tuple[str, str]
    file: str
    line: int

    @property
    def mutated(self) -> str:
        """The statement with the change that must make it unprovable."""
        return self.statement.replace(*self.mutation)

    @cached_property
    def lines(self) -> int:
        """How many lines the statement and its proof have."""
        return len(f"{self.statement}\nProof.{self.proof}\nQed.".splitlines())


def chapter_files() -> list[Path]:
    """Name the files with theorems, in the order of the chapters that they belong to."""
    chapters = sorted((ROOT / "chapters").glob("*.ipynb"))
    named = [PROOFS / f"{path.stem.split('_', 1)[1]}.v" for path in chapters]
    return [path for path in named if path.exists()]


def formals_of(path: Path) -> list[Formal]:
    """Read the theorems of one file that prove boxes.

    Raises
    ------
    ValueError
        Naming the file and the line of a comment that is not in its form.
    """
    text = path.read_text(encoding="utf-8")
    found = [_formal(match, path.name, text) for match in BOX.finditer(text)]
    if len(found) != text.count("(* box: "):
        read = {formal.line for formal in found}
        starts = [text[: m.start()].count("\n") + 1 for m in re.finditer(r"\(\* box: ", text)]
        line = min({*starts} - read)
        raise ValueError(f"{path.name}, line {line}: below the comment a theorem and its proof")
    return found


def _formal(match: re.Match[str], file: str, text: str) -> Formal:
    line = text[: match.start()].count("\n") + 1
    parts = FIELD.split(match["fields"])
    if parts[1::2] != [*FIELDS]:
        raise ValueError(f"{file}, line {line}: expected the fields {FIELDS}, got {parts[1::2]}")
    fields = dict(zip(FIELDS, (" ".join(part.split()) for part in parts[2::2]), strict=True))
    label, _, part = match["head"].partition(", ")
    change = MUTATION.fullmatch(fields["Mutation"])
    if change is None or match["statement"].count(change[1]) != 1:
        raise ValueError(
            f"{file}, line {line}: the mutation must change what stands once in the statement, "
            f"got {fields['Mutation']}"
        )
    return Formal(
        label=label.strip(),
        part=part.strip(),
        covers={tag: fields[covers] for tag, (covers, _) in WORDS.items()},
        hypotheses={tag: fields[hypotheses] for tag, (_, hypotheses) in WORDS.items()},
        name=match["name"],
        statement=match["statement"],
        proof=match["proof"],
        mutation=(change[1], change[2]),
        file=file,
        line=line,
    )


def all_formals() -> list[Formal]:
    """Read the theorems of all files, in the order of the chapters."""
    return [formal for path in chapter_files() for formal in formals_of(path)]


def anchor(label: str) -> str:
    """Name the place of a box on the page of the formal proofs."""
    return f"formal-{label}"


def covered(formals: Iterable[Formal], language: str) -> str:
    """Say in one sentence what of a box its theorems prove."""
    return "; ".join(formal.covers[language].removesuffix(".") for formal in formals) + "."


def definitions_of(path: Path) -> str:
    """Return the definitions and notations of a file, each with the comment above it."""
    text = path.read_text(encoding="utf-8")
    comment = r"(?:^\(\*\* (?:(?!\*\)).)*\*\)\n)?"
    command = rf"^(?:{'|'.join(COMMANDS)}) .*?\.(?=\n(?:\n|{'|'.join(COMMANDS)}|Proof|\Z))"
    found = re.finditer(comment + command, text, re.DOTALL | re.MULTILINE)
    return "\n\n".join(match[0] for match in found)


def in_order() -> list[Path]:
    """Name all files such that each stands after those that it loads."""
    paths = {path.stem: path for path in sorted(PROOFS.glob("*.v"))}
    ordered: list[Path] = []

    def add(name: str) -> None:
        if paths[name] not in ordered:
            for required in _required(paths[name]):
                add(required)
            ordered.append(paths[name])

    for name in paths:
        add(name)
    return ordered


def _required(path: Path) -> list[str]:
    lines = REQUIRED.findall(path.read_text(encoding="utf-8"))
    return [name for line in lines for name in line.split()]


def gaps() -> list[str]:
    """Name every line that leaves something unproved."""
    found = []
    for path in in_order():
        code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), path.read_text(encoding="utf-8"))
        for number, line in enumerate(code.splitlines(), start=1):
            if gap := GAP.search(line):
                found.append(f"proofs/{path.name}, line {number}: {gap[0]}")
    return found


def compile_all() -> None:
    """Compile all files in `_build/proofs`; the first error ends the program."""
    BUILD.mkdir(parents=True, exist_ok=True)
    compiled: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(PROCESSES) as pool:
        for path in in_order():
            loaded = [compiled[name] for name in _required(path)]
            compiled[path.stem] = pool.submit(_compile, path, loaded)
    for future in compiled.values():
        future.result()


def _compile(path: Path, loaded: list[Future[None]]) -> None:
    """Compile a file after those that it loads."""
    for future in loaded:
        future.result()
    shutil.copyfile(path, BUILD / path.name)
    _coq(["coqc", *COMMAND, path.name])


def _coq(command: list[str], **options: str) -> str:
    """Run Coq in the folder of the build and return what it printed."""
    try:
        done = subprocess.run(
            command, cwd=BUILD, capture_output=True, encoding="utf-8", check=False, **options
        )
    except FileNotFoundError:
        sys.exit(INSTALL)
    if done.returncode:
        missing = "Coquelicot" in done.stderr and "Cannot find a physical path" in done.stderr
        sys.exit(INSTALL if missing else done.stderr + done.stdout)
    return done.stdout


def assumptions(formals: list[Formal]) -> dict[str, list[str]]:
    """Ask Coq for the axioms that each theorem rests on, and write them to a file."""
    files = list(dict.fromkeys(formal.file for formal in formals))
    shares = [[formal for formal in formals if formal.file == file] for file in files]
    with ThreadPoolExecutor(PROCESSES) as pool:
        found = {name: axioms for share in pool.map(_axioms, shares) for name, axioms in share}
    rows = [f"{f.label}\t{f.part}\t{f.name}\t{', '.join(found[f.name]) or 'none'}" for f in formals]
    head = "box\tpart\ttheorem\tassumptions"
    (BUILD / "assumptions.txt").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return found


def _axioms(formals: list[Formal]) -> list[tuple[str, list[str]]]:
    """Ask for the axioms of the theorems of one file."""
    stem = Path(formals[0].file).stem
    asked = BUILD / f"assumptions_{stem}.v"
    lines = [f'Redirect "{formal.name}" Print Assumptions {formal.name}.' for formal in formals]
    load = f"From {LIBRARY} Require Import {stem}."
    asked.write_text("\n".join([load, *lines]) + "\n", encoding="utf-8")
    _coq(["coqc", *COMMAND, asked.name])
    found = []
    for formal in formals:
        out = BUILD / f"{formal.name}.out"
        names = re.findall(r"^([\w.]+)\s*:", out.read_text(encoding="utf-8"), re.MULTILINE)
        found.append((formal.name, [name for name in names if name != "Axioms"]))
        out.unlink()
    return found


def mutants(path: Path) -> str:
    """Write the trial of a file's theorems: each as it is, changed, and changed without proof."""
    heads = re.findall(r"^(?:From|Import) .*\.$", path.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [*heads, f"From {LIBRARY} Require Import {path.stem}.", "Set Default Timeout 120."]
    for formal in formals_of(path):
        for suffix, statement, proof in (
            ("same", formal.statement, f"Proof.{formal.proof}\nQed."),
            ("stated", formal.mutated, "Admitted."),
            ("mutant", formal.mutated, f"Proof.{formal.proof}\nQed."),
        ):
            renamed = re.sub(r"^Theorem \w+", f"Theorem {formal.name}_{suffix}", statement)
            lines += [renamed, proof, "Abort All.", f"Check {formal.name}_{suffix}."]
    return "\n".join(lines) + "\n"


def survivors(path: Path) -> list[str]:
    """Say of which theorems of a file the trial is not as it must be.

    The unchanged theorem goes through, the changed statement is one that Coq can read, and with
    it the proof fails.
    """
    try:
        done = subprocess.run(
            ["coqtop", *COMMAND],
            cwd=BUILD,
            input=mutants(path),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        sys.exit(INSTALL)
    known = {*re.findall(r"^(?:\w+ < )*(\w+_(?:same|stated|mutant))$", done.stdout, re.MULTILINE)}
    troubles = []
    for formal in formals_of(path):
        for suffix, expected, trouble in (
            ("same", True, "does not compile by itself"),
            ("stated", True, f"cannot be changed so: {formal.mutation[1]}"),
            ("mutant", False, f"is proved also with {formal.mutation[1]}"),
        ):
            if (f"{formal.name}_{suffix}" in known) != expected:
                troubles.append(f"proofs/{formal.file}: {formal.name} {trouble}")
    return troubles


def main() -> None:
    """Check everything, and say what was checked."""
    if found := gaps():
        sys.exit("\n".join(found))
    if not shutil.which("coqc"):
        sys.exit(INSTALL)
    formals = all_formals()
    compile_all()
    for name, axioms in assumptions(formals).items():
        if unknown := {*axioms} - {*AXIOMS}:
            sys.exit(f"{name} rests on {', '.join(sorted(unknown))}")
    with ThreadPoolExecutor(PROCESSES) as pool:
        troubles = [trouble for found in pool.map(survivors, chapter_files()) for trouble in found]
    if troubles:
        sys.exit("\n".join(troubles))
    boxes = len({formal.label for formal in formals})
    print(
        f"{len(formals)} theorems for {boxes} boxes: proved without a gap, and each proof fails "
        f"for a changed statement. What each assumes: {BUILD.relative_to(ROOT)}/assumptions.txt"
    )


if __name__ == "__main__":
    main()
