"""Committed notebooks are what a fresh run gives, and each way to fail that is noticed."""

import copy
import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from editions import EDITIONS
from ledger import chapter_paths
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebooks import ROOT, cell_ids, defects, execute, inputs_fingerprint, main, normalize

CHAPTERS = [path for edition in EDITIONS for path in chapter_paths(edition)]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_chapter_is_fresh_and_clean(path):
    found = defects(nbformat.read(path, as_version=4))
    assert not found, f"{path.name}: {'; '.join(found)} (make execute runs it anew)"


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """A small notebook that was really run: a sum, a text, a package function."""
    cells = [
        new_markdown_cell("# Two numbers"),
        new_code_cell("from nwp.loss import cross_entropy\n\nprint(1 + 1)"),
        new_code_cell("print(round(float(cross_entropy([0.2, 0.8], 1)), 3))"),
    ]
    path = tmp_path_factory.mktemp("notebooks") / "healthy.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    execute(path)
    return path


def test_healthy_notebook_has_no_defect(healthy):
    notebook = nbformat.read(healthy, as_version=4)
    assert notebook.cells[2].outputs[0].text == "0.223\n"
    assert defects(notebook) == []


def strip(cells):
    for cell in cells[1:]:
        cell.outputs, cell.execution_count = [], None


def strip_outputs_only(cells):
    cells[1].outputs = []


def change_code(cells):
    cells[1].source += "  # changed after the run"


def reorder(cells):
    cells[1].execution_count, cells[2].execution_count = 2, 1


def skip_a_count(cells):
    cells[2].execution_count = 7


def edit_a_number(cells):
    cells[2].outputs[0].text = "0.224\n"


def leave_editor_metadata(cells):
    cells[1].metadata["collapsed"] = True


def show_without_words(cells):
    cells[1].outputs.append(new_output("display_data", {"image/png": "a picture"}))


def lose_a_figure(cells):
    cells[1].source += "\nplt.show()"


def lose_a_described_figure(cells):
    cells[1].metadata["mystnb"] = {"image": {"alt": "Line chart of a loss"}}


def fail(cells):
    cells[1].outputs = [new_output("error", ename="NameError", evalue="x", traceback=[])]


def warn(cells):
    cells[1].outputs = [new_output("stream", name="stderr", text="DeprecationWarning")]


def printing(text):
    def leak(cells):
        cells[1].outputs[0].text = text

    return leak


DEFECTS = [
    (strip, "stripped"),
    (strip_outputs_only, "edited: outputs are not those of the run"),
    (change_code, "stale"),
    (reorder, "out of order"),
    (skip_a_count, "out of order"),
    (edit_a_number, "edited: outputs are not those of the run"),
    (leave_editor_metadata, "not normalized"),
    (show_without_words, "no alternative text"),
    (lose_a_figure, "a figure is missing: 'from nwp.loss import cross_entropy' shows no picture"),
    (lose_a_described_figure, "a figure is missing"),
    (fail, "error: a cell ended with NameError"),
    (warn, "a warning was printed"),
    (printing("/home/ana/book/nwp/loss.py"), "a path of one machine"),
    (printing(r"C:\book\nwp"), "a path of one machine"),
    (printing("lib/python3.11/site-packages/numpy"), "a path of an environment"),
    (printing("<function f at 0x7f3a2c1d>"), "a memory address"),
    (printing("run on 2026-11-22 21:43"), "a date and time"),
    (printing("0.2231435513142097"), "an unrounded number"),
    (printing("np.float64(0.5)"), "a NumPy scalar's repr"),
]


@pytest.mark.parametrize(("damage", "message"), DEFECTS)
def test_each_defect_is_noticed(healthy, damage, message):
    notebook = nbformat.read(healthy, as_version=4)
    damage(notebook.cells)
    assert any(message in defect for defect in defects(notebook))


def test_expected_errors_are_allowed(healthy):
    notebook = nbformat.read(healthy, as_version=4)
    fail(notebook.cells)
    notebook.cells[1].metadata["tags"] = ["raises-exception"]
    assert not any("error" in defect for defect in defects(notebook))


def test_a_changed_module_makes_its_notebooks_stale(healthy, monkeypatch, tmp_path):
    notebook = nbformat.read(healthy, as_version=4)
    shutil.copytree(ROOT / "nwp", tmp_path / "nwp")
    monkeypatch.setattr("notebooks.ROOT", tmp_path)
    loss, checks = tmp_path / "nwp" / "loss.py", tmp_path / "nwp" / "checks.py"
    assert defects(notebook) == []
    loss.write_text(loss.read_text().replace("Surprise at the right word", "The surprise"))
    assert defects(notebook) == []  # a docstring computes nothing
    (tmp_path / "nwp" / "grammar.py").write_text("changed = True\n")  # not imported by it
    assert defects(notebook) == []
    checks.write_text(checks.read_text().replace("1e-6", "1e-7"))  # imported by loss
    assert any("stale" in defect for defect in defects(notebook))


@pytest.mark.parametrize("source", ["import nwp.loss", "from nwp import loss"])
def test_every_way_to_import_a_module_leads_to_it(source, monkeypatch, tmp_path):
    shutil.copytree(ROOT / "nwp", tmp_path / "nwp")
    monkeypatch.setattr("notebooks.ROOT", tmp_path)
    notebook = new_notebook(cells=[new_code_cell(source)])
    before = inputs_fingerprint(notebook)
    (tmp_path / "nwp" / "loss.py").write_text("changed = True\n")
    assert inputs_fingerprint(notebook) != before


@pytest.mark.parametrize(
    "source",
    [
        'from exercises import check\n\nassert check("1.2", 10.82)',
        'import exercises\n\nexercises.check("1.2", 10.82)',
    ],
)
def test_a_check_leads_to_the_exercises_of_its_chapter(source, monkeypatch, tmp_path):
    for package in ("nwp", "exercises"):
        shutil.copytree(ROOT / package, tmp_path / package)
    monkeypatch.setattr("notebooks.ROOT", tmp_path)
    notebook = new_notebook(cells=[new_code_cell(source)])
    seen = [inputs_fingerprint(notebook)]
    words = tmp_path / "exercises" / "messages.toml"
    text = words.read_text(encoding="utf-8")
    mistake = 'log-base.en = "'  # chapter 1 names it
    for old, new in ((mistake, f"{mistake}Changed: "), ('right.en = "', 'right.en = "Changed: ')):
        assert text.count(f"\n{old}") == 1
        words.write_text(text := text.replace(f"\n{old}", f"\n{new}"), encoding="utf-8")
        seen.append(inputs_fingerprint(notebook))
    changes = "nwp/loss.py", "exercises/messages.py", "exercises/__init__.py"
    for name in (*changes, "exercises/chapter1.py"):
        (tmp_path / name).write_text("changed = true\n")
        seen.append(inputs_fingerprint(notebook))
    assert len(set(seen)) == 7
    (tmp_path / "exercises" / "chapter2.py").write_text("changed = True\n")
    words.write_text(f'{text}\nof-a-new-chapter.en = "What no other chapter says."\n')
    assert inputs_fingerprint(notebook) == seen[-1]


def test_ids_follow_the_text_and_translations_follow_their_originals():
    texts = ["# A\n\n*Reading: 5 min.*\n\nText.", "Again.", "Again."]
    cells = [new_markdown_cell(text) for text in texts]
    before = cell_ids(new_notebook(cells=cells))
    assert len(set(before)) == 3
    cells[0].source = cells[0].source.replace("5 min", "10 min")
    assert cell_ids(new_notebook(cells=cells)) == before
    cells[0].source += " More."
    cells[1].id, cells[1].metadata["nwp"] = "original", {"translates": "0123"}
    after = cell_ids(new_notebook(cells=cells))
    assert after[0] != before[0]
    assert after[1] == "original"


def test_magic_is_no_plain_python(healthy):
    notebook = nbformat.read(healthy, as_version=4)
    notebook.cells[1].source = "!ls"
    assert defects(notebook) == ["not plain Python: '!ls'"]


def test_pieces_of_a_stream_are_joined_and_streams_kept_apart():
    pieces = [("stdout", "1\n"), ("stdout", "2\n"), ("stderr", "x\n"), ("stdout", "3\n")]
    cell = new_code_cell("", outputs=[new_output("stream", name=n, text=t) for n, t in pieces])
    notebook = new_notebook(cells=[cell])
    normalize(notebook)
    joined = [(output.name, output.text) for output in notebook.cells[0].outputs]
    assert joined == [("stdout", "1\n2\n"), ("stderr", "x\n"), ("stdout", "3\n")]


def test_the_command_executes_each_notebook_that_it_is_given(healthy, tmp_path, monkeypatch):
    text = healthy.read_text()
    paths = [tmp_path / name for name in ("a.ipynb", "b.ipynb")]
    for path in paths:
        notebook = nbformat.reads(text, as_version=4)
        strip(notebook.cells)
        nbformat.write(notebook, path)
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "execute", *map(str, paths)])
    main()
    assert [path.read_text() for path in paths] == [text, text]


def test_running_again_changes_nothing(healthy):
    before = healthy.read_text()
    execute(healthy)
    assert healthy.read_text() == before


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise ValueError('broken')", "broken"),
        ("assert 1 + 1 == 3", "AssertionError"),
        ("import warnings\n\nwarnings.warn('old')", "a warning was printed"),
        (
            "def draw():\n    pass\n\n\ndraw()\nplt = draw\nplt.show = draw\nplt.show()",
            "no picture",
        ),
    ],
)
def test_a_failing_notebook_is_left_as_it_was(healthy, tmp_path, source, message):
    notebook = copy.deepcopy(nbformat.read(healthy, as_version=4))
    notebook.cells[2].source = source
    path = tmp_path / "broken.ipynb"
    nbformat.write(notebook, path)
    before = path.read_text()
    with pytest.raises(Exception, match=message):
        execute(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


FIGURE = """\
import locale
import os
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(2, 1))
plt.show()
print(mpl.rcParams["font.size"], "startup" in dir(), __debug__, os.environ["OMP_NUM_THREADS"])
print(locale.getencoding().lower(), sys.flags.utf8_mode, sys.warnoptions)"""
USERS = {
    "MPLBACKEND": "agg",
    "PYTHONOPTIMIZE": "1",
    "PYTHONWARNINGS": "error",
    "OMP_NUM_THREADS": "3",
    "LANG": "pt_BR.ISO-8859-1",
    "LC_ALL": "C",
    "NWP_GPU": "gpu.json",
}


@pytest.fixture
def users(monkeypatch, tmp_path):
    """The surroundings of a user with settings, and without a folder that can be written."""
    home = tmp_path / "home"
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "mine.py").write_text("startup = 'was here'\nprint('hello')\n", encoding="utf-8")
    (home / "matplotlibrc").write_text("font.size: 31\n", encoding="utf-8")
    for name in ("MPLCONFIGDIR", "IPYTHONDIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    variables = {"HOME": str(home), "IPYTHONDIR": str(home / ".ipython"), **USERS}
    variables |= {"MATPLOTLIBRC": str(home), "MPLCONFIGDIR": str(home)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return home


def without_users_settings(path):
    """Write a notebook that shows its surroundings, and check those of a run."""
    cell = new_code_cell(FIGURE, metadata={"mystnb": {"image": {"alt": "An empty frame."}}})
    nbformat.write(new_notebook(cells=[cell]), path)
    execute(path)
    picture, text = nbformat.read(path, as_version=4).cells[0].outputs
    assert "image/png" in picture.data
    assert text.text == "10.0 False True 1\nutf-8 1 []\n"


@pytest.mark.usefixtures("users")
def test_a_users_settings_change_no_run(tmp_path):
    without_users_settings(tmp_path / "figure.ipynb")
    broken = tmp_path / "broken.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("assert 1 + 1 == 3")]), broken)
    with pytest.raises(Exception, match="AssertionError"):
        execute(broken)


def in_users_surroundings(program, *arguments):
    """Run a program as a user with settings would; it sees none of this process's own."""
    command = [sys.executable, *program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_a_first_list_of_fonts_and_a_locked_home_leave_no_word_in_a_chapter(users, tmp_path):
    """Matplotlib makes its list of fonts, in a folder for the time being, and says nothing."""
    locked = tmp_path / "no folder"
    locked.write_text("", encoding="utf-8")  # not even root makes a folder in a file
    path = tmp_path / "figure.ipynb"
    program = (
        "import os, sys; sys.path[:0] = ['tools', 'tests']; "
        f"os.environ['HOME'] = os.environ['MPLCONFIGDIR'] = {str(locked)!r}; "
        "from pathlib import Path; from test_notebooks import without_users_settings; "
        "without_users_settings(Path(sys.argv[1]))"
    )
    os.environ.pop("PYTHONOPTIMIZE")  # the program has asserts of its own
    done = in_users_surroundings(["-c", program], path)
    assert done.returncode == 0, done.stderr
    assert users.exists()


@pytest.mark.usefixtures("users")
def test_the_tests_refuse_to_run_where_assert_is_off():
    done = in_users_surroundings(["-m", "pytest"], "-q", "tests/test_steady.py")
    assert done.returncode != 0
    assert "are you using python -O?" in done.stdout + done.stderr


@pytest.mark.usefixtures("users")
def test_the_tests_and_their_kernels_run_in_surroundings_of_their_own(monkeypatch):
    """Kernels that nbval starts inherit what conftest.py leaves in the environment."""
    monkeypatch.delenv("PYTHONOPTIMIZE")
    program = (
        "import os, sys; sys.path.insert(0, 'tools'); import conftest; "
        "print(os.environ['MPLBACKEND'], 'PYTHONWARNINGS' in os.environ, 'NWP_GPU' in os.environ)"
    )
    done = in_users_surroundings(["-c", program])
    assert done.stdout.split() == ["module://matplotlib_inline.backend_inline", "False", "False"]


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path):
    """pytest keeps what it remembers beside the tests, where a checkout may be read-only."""
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    options = ["-q", "-o", f"cache_dir={file}/cache"]
    done = in_users_surroundings(["-m", "pytest"], *options, "tests/test_beside.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_nbval_passes_a_fresh_notebook_and_fails_an_edited_number(healthy, tmp_path):
    notebook = nbformat.read(healthy, as_version=4)
    nbformat.write(notebook, tmp_path / "fresh.ipynb")
    edit_a_number(notebook.cells)
    nbformat.write(notebook, tmp_path / "edited.ipynb")
    options = ["--nbval", "-q", "-rA", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, "fresh.ipynb", "edited.ipynb"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    said = re.findall(r"^(PASSED|FAILED|ERROR) (\w+)\S+::Cell (\d)", result.stdout, re.MULTILINE)
    assert sorted(said) == [
        ("FAILED", "edited", "1"),
        ("PASSED", "edited", "0"),
        ("PASSED", "fresh", "0"),
        ("PASSED", "fresh", "1"),
    ]
    assert "0.224" in result.stdout
