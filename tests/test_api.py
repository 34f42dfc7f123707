"""The API page is built without PyTorch; here PyTorch is, and says how each thing is called."""

import inspect
import pkgutil

import pytest
from bs4 import BeautifulSoup
from editions import ROOT
from languages import FOLDERS
from sphinx.util.inspect import stringify_signature

HTML = ROOT / "_build" / "html"


def call_of(name):
    """Write how a dotted name is called, without annotations and without `self`."""
    thing, (owner, _, own) = pkgutil.resolve_name(name), name.rpartition(".")
    signature = inspect.signature(thing)
    owner = pkgutil.resolve_name(owner)
    if inspect.isclass(owner) and not isinstance(
        inspect.getattr_static(owner, own), staticmethod | classmethod
    ):
        parameters = list(signature.parameters.values())[1:]
        signature = signature.replace(parameters=parameters)
    return stringify_signature(signature, show_annotation=False)


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_signatures_of_the_page_are_those_of_the_package(folder):
    page = HTML / folder / "reference/api.html"
    if not page.exists():
        pytest.skip("the book is not built: run make book")
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    names = []
    for kind in ("function", "class", "method"):
        for term in soup.select(f"dl.py.{kind} > dt[id]:has(.sig-paren)"):
            if term["id"].startswith("nwp.kernels."):  # it needs Triton
                continue
            call = term.text[term.text.index("(") : term.text.rindex(")") + 1]
            assert call == call_of(term["id"]), term["id"]
            names.append(term["id"])
    assert {"nwp.loss.cross_entropy", "nwp.model.Transformer", "lab.muon.Muon"} <= set(names)
    assert len(names) > 150
