"""What leaves the repository: the wheel, the pages at an address, the citation."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from xml.etree import ElementTree

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from languages import FOLDERS
from notebooks import PACKAGES, ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from publishing import address_of
from reader import PUBLISHED

from exercises import numbers

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
    for folder in (*PACKAGES, "tests", "tools"):  # what could slip in
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out, copy)
    (built,) = out.glob("*.whl")
    return built


def test_wheel_has_the_packages_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {name for name in names if ".dist-info/" not in name}
    modules = {path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    data = {"exercises/messages.toml", *(f"{package}/py.typed" for package in PACKAGES)}
    assert files == {path.relative_to(ROOT).as_posix() for path in modules} | data
    about = {name.split(".dist-info/")[1] for name in names - files}
    assert about - {"entry_points.txt"} == {
        "METADATA", "RECORD", "WHEEL", "licenses/LICENSE", "top_level.txt"
    }  # fmt: skip
    assert wheel.stat().st_size < 200_000


def test_wheel_works_where_nothing_else_is(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from nwp import loss; "
        "print(loss.__file__); print(round(float(loss.cross_entropy([.05, .1, .05, .8], 3)), 3))"
    )
    where, loss = run(sys.executable, "-P", "-c", program, cwd=tmp_path).split()
    assert where.startswith(str(tmp_path))
    assert loss == "0.223"


def test_exercises_are_checked_from_the_wheel_as_it_is(wheel, tmp_path):
    """A page's Python imports from an archive, where there are no files to open."""
    program = (
        f"import sys; sys.path.insert(0, {str(wheel)!r}); import exercises; "
        "print(exercises.__file__, len(exercises.numbers())); "
        "exercises.check('1.2', 15.61, language='pt')"
    )
    where, *said = run(sys.executable, "-P", "-c", program, cwd=tmp_path).splitlines()
    assert where == f"{wheel / 'exercises' / '__init__.py'} {len(numbers())}"
    assert said[0] == "1.2: a resposta 1 de 1 não está certa. Você respondeu 15.61."


ADDRESS = "https://github.com/Someone/book"


SITES = [(ADDRESS, ""), (ADDRESS, "pt"), ("", "")]  # address and edition
# Runs jupyter-book for each folder, in a process that begins with all modules loaded.
BUILD = """\
import os, sys
import jupyter_book.sphinx, myst_nb, sphinx_book_theme
from jupyter_book.cli.main import main

for folder in sys.argv[1:]:
    if not os.fork():
        sys.exit(main(["build", "--quiet", folder]))
    if os.wait()[1]:
        sys.exit(f"{folder} cannot be built")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build one chapter of a book for each of the sites, as the book is built."""
    folders = {key: tmp_path_factory.mktemp("site") for key in SITES}
    for (address, edition), folder in folders.items():
        write_site(folder, address, edition)
    run(sys.executable, "-P", "-c", BUILD, *folders.values())
    return lambda address, edition="": folders[address, edition] / "_build" / "html"


def write_site(folder, address, edition):
    (folder / "chapters").mkdir()
    shutil.copy(ROOT / edition / "chapters" / "01_loss.ipynb", folder / "chapters")
    (folder / "intro.md").write_text("# Intro & more\n\nA *short* way in.\n", encoding="utf-8")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: chapters/01_loss\n", encoding="utf-8"
    )
    config = {key: CONFIG[key] for key in ("title", "execute", "parse", "html", "launch_buttons")}
    config["repository"] = CONFIG["repository"] | {"url": address}
    config["sphinx"] = {
        "recursive_update": CONFIG["sphinx"]["recursive_update"],
        "extra_extensions": ["sphinx_proof", "sphinx_exercise"],
        "local_extensions": dict.fromkeys(
            ("languages", "pages", "publishing", "search_index"), f"{ROOT / 'tools'}"
        ),
        "config": {
            "language": "pt_BR" if edition else "en",
            "html_theme_options": CONFIG["sphinx"]["config"]["html_theme_options"],
            "html_context": CONFIG["sphinx"]["config"]["html_context"],
            "templates_path": [str(ROOT / "tools" / "templates")],  # of what the options name
        },
    }
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")


def chapter_of(site):
    return (site / "chapters" / "01_loss.html").read_text(encoding="utf-8")


def launched(page):
    return {
        href
        for href in re.findall(r'href="([^"]*)"', page)
        if "mybinder" in href or "colab" in href
    }


def test_buttons_lead_to_the_readers_notebook(site):
    assert CONFIG["repository"]["branch"] == "main"
    page = chapter_of(site(ADDRESS))
    assert launched(page) == {
        "https://mybinder.org/v2/gh/Someone/book/main?urlpath=lab/tree/my-notebooks/01_loss.ipynb",
        "https://colab.research.google.com/github/Someone/book/blob/notebooks/notebooks/01_loss.ipynb",
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


def test_without_an_address_there_are_no_buttons(site):
    assert launched(chapter_of(site(""))) == set()


@pytest.mark.parametrize(
    ("baseurl", "repository", "address"),
    [
        ("", "", ""),
        ("", "https://github.com/Someone/book", "https://someone.github.io/book/"),
        ("", "https://github.com/Someone/a.book.git", "https://someone.github.io/a.book/"),
        ("", "https://github.com/Someone/someone.github.io/", "https://someone.github.io/"),
        ("", "https://gitlab.com/someone/book", ""),  # who knows where its pages are
        ("https://book.org", "https://github.com/someone/book", "https://book.org/"),
        ("https://book.org/a/", "", "https://book.org/a/"),
    ],
)
def test_address_follows_from_the_repository(baseurl, repository, address):
    assert address_of(baseurl, repository) == address


@pytest.mark.parametrize(("edition", "locale"), [("", "en_US"), ("pt", "pt_BR")])
def test_pages_at_an_address_say_it(site, edition, locale):
    html, book = site(ADDRESS, edition), "https://someone.github.io/book/"
    here = book + FOLDERS["pt-BR" if edition else "en"]
    page = BeautifulSoup((html / "intro.html").read_text(encoding="utf-8"), "html.parser")
    assert page.select_one("link[rel=canonical]")["href"] == f"{here}intro.html"
    properties = {tag["property"]: tag["content"] for tag in page.select("meta[property]")}
    assert properties == {
        "og:type": "website",
        "og:site_name": CONFIG["title"],
        "og:title": "Intro & more",
        "og:url": f"{here}intro.html",
        "og:locale": locale,
        "og:description": "A short way in.",
        "og:image": f"{book}_static/page.png",
    }
    assert page.select_one("meta[name=description]")["content"] == "A short way in."
    chapter = BeautifulSoup(chapter_of(html), "html.parser")
    described = chapter.select_one("meta[name=description]")["content"].removesuffix(" …")
    assert 50 < len(described) <= 200
    words = " ".join(paragraph.text for paragraph in chapter.select("article section > p")).split()
    assert described in " ".join(words)

    lost = BeautifulSoup((html / "404.html").read_text(encoding="utf-8"), "html.parser")
    assert lost.select_one("base")["href"] == f"{here}404.html"
    assert lost.head.find(href=True) == lost.select_one("base"), "it changes what stands before it"
    first, second = lost.select("article p[lang]")
    assert first["lang"] == lost.html["lang"] != second["lang"]
    for paragraph in (first, second):
        assert paragraph.a["href"] == f"{book}{FOLDERS[paragraph['lang']]}intro.html"

    tree = ElementTree.fromstring((html / "sitemap.xml").read_text(encoding="utf-8"))
    names = ("intro", "chapters/01_loss")
    listed = [place.text for place in tree.findall("{*}url/{*}loc")]
    assert listed == [f"{here}{name}.html" for name in sorted(names)]
    for url in tree:
        own = url.find("{*}loc").text.removeprefix(here)
        others = {link.get("hreflang"): link.get("href") for link in url.findall("{*}link")}
        assert others == {tag: f"{book}{folder}{own}" for tag, folder in FOLDERS.items()}
    assert (html / "robots.txt").exists() == (not edition)
    if not edition:
        assert re.findall("^Sitemap: (.*)", (html / "robots.txt").read_text(), re.MULTILINE) == [
            f"{book}{folder}sitemap.xml" for folder in FOLDERS.values()
        ]


def test_without_an_address_pages_claim_none(site):
    html = site("")
    assert not {"404.html", "robots.txt", "sitemap.xml"} & {path.name for path in html.iterdir()}
    for path in html.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert not re.search('rel="canonical"|property="og:|name="description"|<base', page), path


def test_the_picture_of_previews_is_there():
    assert (ROOT / "assets" / "page.png").exists()
    assert CONFIG["sphinx"]["config"]["html_static_path"] == ["assets"]


def pins_of(name):
    """Read the pins of a file of requirements: (package, version) for each line."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {(canonicalize_name(pin.name), str(pin.specifier)) for pin in pins}


def test_the_book_is_built_by_a_part_of_the_same_pins():
    book = pins_of("requirements-book.txt")
    assert book <= pins_of("requirements.txt")
    assert all(version.startswith("==") for _, version in book)
    heavy = {"torch", "matplotlib", "playwright", "jupyterlab", "scipy", "sympy"}
    assert not heavy & {name for name, _ in book}
    asked = [
        Requirement(line).name
        for line in (ROOT / "requirements-book.in").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert {name for name, _ in book} >= needed_by(asked)


def needed_by(names):
    """Name the packages with all that they need on this machine, and what that needs."""
    needed, waiting = set(), [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            requirements = map(Requirement, distribution(name).requires or [])
            waiting += [
                canonicalize_name(requirement.name)
                for requirement in requirements
                if not requirement.marker or requirement.marker.evaluate({"extra": ""})
            ]
    return needed


def test_the_book_is_built_in_the_environment_of_its_own():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    built = re.findall(r"^(_build/html/\S+): (\S+) .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert [page for page, _, _ in built] == ["_build/html/.built", "_build/html/pt/.built"]
    for _, environment, recipe in built:
        assert environment == "$(BOOK_READY)"
        assert "$(BOOK_BIN)/" in recipe
        assert "$(BIN)/" not in recipe


def test_binder_installs_what_the_chapters_import():
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "-c ../requirements.txt" in lines
    assert ".[figures]" in lines
    assert "-r ../requirements-book.txt" in lines  # for postBuild
    installed = {*PACKAGES, "numpy", "torch", "matplotlib"} | {s for s in lines if s.isalpha()}
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
    checks = workflow("ci")["jobs"]["checks"]
    assert checks["strategy"]["matrix"]["python"] == pythons
    assert checks["steps"][-1] == {"run": "bash .ci/run"}


def workflow(name):
    path = ROOT / ".github" / "workflows" / f"{name}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


MORE = {  # than to read
    "publish": {"pages": "write", "id-token": "write"},
    "notebooks": {"contents": "write"},
}


@pytest.mark.parametrize("name", ["ci", "pages"])
def test_workflows_may_do_no_more_than_they_need(name):
    flow = workflow(name)
    assert flow["permissions"] == {"contents": "read"}
    for job, what in flow["jobs"].items():
        assert what.get("permissions") == MORE.get(job)
        for step in what.get("steps", []):
            if "uses" in step:
                assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
            if "checkout" in step.get("uses", ""):
                assert step["with"] == {"persist-credentials": False}


def test_only_what_was_checked_is_published():
    jobs = workflow("pages")["jobs"]
    assert jobs["checks"] == {"uses": "./.github/workflows/ci.yml"}
    assert (jobs["build"]["needs"], jobs["publish"]["needs"]) == ("checks", "build")
    assert jobs["notebooks"]["needs"] == "build"
    assert jobs["notebooks"]["steps"][-1]["run"].endswith(f'$GITHUB_REPOSITORY" {PUBLISHED}\n')


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


# A Python that says what it was asked and fails where it is told to; its `-m venv` copies itself.
STUB = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
    *$FAIL*) exit 1 ;;
    "-m venv "*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
esac
"""


@pytest.fixture
def make_install(tmp_path):
    """Run `make install` with stubs; return its status, its output and what Python was asked."""
    log = tmp_path / "log"
    for name in ("python", "uv"):
        (tmp_path / name).write_text(STUB.format(log=log), encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    def make(torch, fail):
        log.write_text("", encoding="utf-8")
        environment = os.environ | {"FAIL": fail, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        arguments = (f"VENV={tmp_path / 'env'}", f"PYTHON={tmp_path / 'python'}", f"TORCH={torch}")
        done = subprocess.run(
            ["make", "--no-print-directory", "install", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        lines = log.read_text(encoding="utf-8").splitlines()
        asked = [line for line in lines if "pip install" in line]
        return done.returncode, done.stdout + done.stderr, asked

    if sys.platform != "linux" or not shutil.which("make"):
        pytest.skip("PyTorch without CUDA is asked for by make, on Linux")
    return make


def test_without_cuda_pytorch_comes_first_and_from_its_own_index(make_install):
    status, _, asked = make_install("cpu", fail="nothing")
    (pin,) = [version for name, version in pins_of("requirements.txt") if name == "torch"]
    assert status == 0
    assert f"--index-url https://download.pytorch.org/whl/cpu torch{pin}" in asked[0]
    assert asked[1].startswith("pip install")  # by uv
    assert asked[1].endswith("--requirement requirements.txt")


def test_an_index_out_of_reach_breaks_nothing(make_install):
    status, output, asked = make_install("cpu", fail="index-url")
    assert status == 0
    assert "it comes from PyPI" in output
    assert asked[1].endswith("--requirement requirements.txt")


def test_with_cuda_all_comes_from_pypi(make_install):
    status, _, asked = make_install("cuda", fail="nothing")
    assert status == 0
    assert not any("index-url" in line for line in asked)
    assert make_install("gpu", fail="nothing")[0] == 0, "made before: nothing is to be done"


def test_a_word_that_names_no_pytorch_is_refused(make_install):
    status, output, asked = make_install("gpu", fail="nothing")
    assert status != 0
    assert "TORCH=cpu or TORCH=cuda, not TORCH=gpu" in output
    assert not asked


def test_an_install_that_was_interrupted_goes_on(make_install):
    status, _, asked = make_install("cuda", fail="--requirement")
    assert status != 0
    assert asked[0].startswith("pip install")  # by uv, which fails
    assert asked[1].startswith("-m pip install")  # so pip tries, and fails
    assert make_install("cuda", fail="nothing")[0] == 0
    assert make_install("cuda", fail="nothing")[2] == [], "made: nothing is to be done"


def test_lines_end_as_in_the_repository_on_every_system(tmp_path):
    """A clone that would turn line ends leaves the scripts as bash and the fingerprints want."""
    git = ("git", "-c", "core.autocrlf=true", "-c", "safe.directory=*")
    if subprocess.run([*git, "-C", ROOT, "rev-parse", "HEAD"], capture_output=True).returncode:
        pytest.skip("this is no clone: there is nothing to clone from")
    run(*git, "clone", "--quiet", "--no-local", "--depth", "1", ROOT, tmp_path / "clone")
    for name in (".ci/run", "Makefile", "nwp/loss.py", "chapters/01_loss.ipynb"):
        assert b"\r\n" not in (tmp_path / "clone" / name).read_bytes(), name
