"""What leaves the repository: the wheel, the launch buttons, the citation."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from notebooks import ROOT

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: setuptools leaves its scaffolding where it builds."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for folder in ("nwp", "tests", "tools"):  # what could slip in
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out, copy)
    (built,) = out.glob("*.whl")
    return built


def test_wheel_has_the_package_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {name for name in names if ".dist-info/" not in name}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nwp").rglob("*.py")}
    assert package == modules | {"nwp/py.typed"}
    about = {name.split(".dist-info/")[1] for name in names - package}
    assert about - {"entry_points.txt"} == {
        "METADATA", "RECORD", "WHEEL", "licenses/LICENSE", "top_level.txt"
    }  # fmt: skip
    assert wheel.stat().st_size < 200_000


def test_wheel_works_where_nothing_else_is(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import nwp; "
        "print(nwp.__file__); print(round(float(nwp.cross_entropy([.05, .1, .05, .8], 3)), 3))"
    )
    where, loss = run(sys.executable, "-P", "-c", program, cwd=tmp_path).split()
    assert where.startswith(str(tmp_path))
    assert loss == "0.223"


def built_with(address, folder):
    """Build one chapter of a book with this address, as the book is built; return its page."""
    (folder / "chapters").mkdir()
    shutil.copy(CHAPTERS[0], folder / "chapters" / "01_loss.ipynb")
    (folder / "intro.md").write_text("# Intro\n", encoding="utf-8")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/01_loss\n", encoding="utf-8"
    )
    config = {key: CONFIG[key] for key in ("title", "execute", "parse", "html", "launch_buttons")}
    config["repository"] = CONFIG["repository"] | {"url": address}
    config["sphinx"] = {
        "recursive_update": CONFIG["sphinx"]["recursive_update"],
        "extra_extensions": ["sphinx_proof", "sphinx_exercise"],
        "local_extensions": {"pages": str(ROOT / "tools")},
        "config": {
            "html_theme_options": CONFIG["sphinx"]["config"]["html_theme_options"],
            "templates_path": [str(ROOT / "tools" / "templates")],  # of what the options name
        },
    }
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    run(Path(sys.executable).parent / "jupyter-book", "build", "--quiet", folder)
    return (folder / "_build" / "html" / "chapters" / "01_loss.html").read_text(encoding="utf-8")


def launched(page):
    return {
        href
        for href in re.findall(r'href="([^"]*)"', page)
        if "mybinder" in href or "colab" in href
    }


def test_buttons_lead_to_the_readers_notebook(tmp_path):
    assert CONFIG["repository"]["branch"] == "main"
    page = built_with("https://github.com/someone/book", tmp_path)
    assert launched(page) == {
        "https://mybinder.org/v2/gh/someone/book/main?urlpath=lab/tree/my-notebooks/01_loss.ipynb",
        "https://colab.research.google.com/github/someone/book/blob/gh-pages/notebooks/01_loss.ipynb",
    }
    assert 'href="../notebooks/01_loss.ipynb"' in page
    assert "_sources/" not in page


def test_the_book_itself_is_as_its_address_says():
    """The license is on every page, and buttons are where there is an address."""
    pages = sorted((ROOT / "_build" / "html" / "chapters").glob("*.html"))
    if not pages:
        pytest.skip("the book is not built: run make book")
    for path in pages:
        page = path.read_text(encoding="utf-8")
        assert "CC BY 4.0" in page
        assert bool(launched(page)) == bool(CONFIG["repository"]["url"])


def test_without_an_address_there_are_no_buttons(tmp_path):
    assert launched(built_with("", tmp_path)) == set()


def test_binder_installs_what_the_chapters_import():
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "-c ../requirements.txt" in lines
    assert ".[figures]" in lines
    assert {"jupyter-book", "sphinx-proof", "sphinx-exercise"} <= set(lines)  # for postBuild
    installed = {"nwp", "numpy", "torch", "matplotlib"} | {s for s in lines if s.isalpha()}
    imported = set()
    for path in CHAPTERS:
        for cell in nbformat.read(path, as_version=4).cells:
            for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
                if isinstance(node, ast.Import):
                    imported |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    imported.add(node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) <= installed


def test_citation_agrees_with_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation.keys() >= {"message", "title", "authors"}  # what the format requires
    assert citation["version"] == PROJECT["version"]
    assert citation["title"].startswith(CONFIG["title"])
    assert [author["name"] for author in citation["authors"]] == [CONFIG["author"]]
    assert citation["license"][0] == PROJECT["license"]


def test_contributing_names_commands_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([\w-]+)`", text))
    offered = set(re.findall(r"^([\w-]+):.*## ", makefile, re.MULTILINE))
    assert named <= offered
    assert offered - named <= {"help", "clean"}, "a command that the table does not explain"


def test_every_place_names_the_same_pythons():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pythons = re.search(r"^PYTHONS := (.*)", makefile, re.MULTILINE)[1].split()
    first, last = (version.replace(".", ", ") for version in (pythons[0], pythons[-1]))
    refused = last.replace(last.split()[1], str(int(last.split()[1]) + 1))
    assert f"({first}) <= v < ({refused})" in makefile
    assert PROJECT["requires-python"] == f">={pythons[0]}"
    for page, word in (("README.md", "or"), ("CONTRIBUTING.md", "or"), ("README.pt.md", "ou")):
        named = f"{', '.join(pythons[:-1])} {word} {pythons[-1]}"
        assert f"Python {named}, git" in (ROOT / page).read_text(encoding="utf-8"), page


@pytest.mark.parametrize(("version", "taken"), [("3.10", 0), ("3.11", 1), ("3.14", 1), ("3.15", 0)])
def test_make_refuses_a_python_that_was_never_tried(version, taken):
    """The check of the Makefile itself, with a Python that says that it is another."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    check = re.search(r"\$\(PYTHON\) -c '(import sys; v = .*)'$", makefile, re.MULTILINE)[1]
    numbers = tuple(map(int, version.split(".")))
    program = check.replace("$(PYTHON)", "python").replace("sys.version_info", f"{numbers}")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode == 0) == bool(taken)
    assert taken or f"python is {version}: name another with make PYTHON=" in done.stderr


def test_lines_end_as_in_the_repository_on_every_system(tmp_path):
    """A clone that would turn line ends leaves the scripts as bash and the fingerprints want."""
    git = ("git", "-c", "core.autocrlf=true", "-c", "safe.directory=*")
    if subprocess.run([*git, "-C", ROOT, "rev-parse", "HEAD"], capture_output=True).returncode:
        pytest.skip("this is no clone: there is nothing to clone from")
    run(*git, "clone", "--quiet", "--no-local", "--depth", "1", ROOT, tmp_path / "clone")
    for name in (".ci/run", "Makefile", "nwp/loss.py", "chapters/01_loss.ipynb"):
        assert b"\r\n" not in (tmp_path / "clone" / name).read_bytes(), name
