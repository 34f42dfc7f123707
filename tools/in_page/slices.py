"""Which lines above a cell it needs, and which libraries these load.

A reader who runs the last exercise of a chapter should not wait for every figure before it. So a
cell runs with those statements of the cells above that bind, or change, what it reads; the
libraries are those that these statements import. Used twice: when the pages are built, to know
which cells run in a page at all, and in the page, where the reader's own lines count.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path

OWN = ("nwp", "lab", "exercises")
# What a page can load, beside Python's own library: name of the module → name of the package.
LOADED = {"numpy": "numpy", "matplotlib": "matplotlib", "mpl_toolkits": "matplotlib"} | {
    "mpmath": "mpmath"
}
FILES = "nwp.files"  # who imports it reads files of the repository, which a page has not
# They show or judge what they are given, and change nothing.
HARMLESS = {"print", "check"}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass
class Unit:
    """A statement of a cell, by the names that it reads and binds.

    Attributes
    ----------
    cell, node, text : where it stands, and what it says
    reads : names that it reads when it runs
    late : names that its functions read when they are called
    writes : names that it binds; `sure` are those that it binds whatever happens
    changes : names whose values it may change
    """

    cell: int
    node: ast.stmt
    text: str
    reads: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)

    @property
    def imports(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)


def unit_of(node: ast.stmt, cell: int = 0) -> Unit:
    """Say what a statement reads, binds and may change."""
    unit = Unit(cell, node, ast.unparse(node))
    unit.reads, unit.sure = _flow(node)
    _, unit.late, unit.writes = _names(node)
    for part in _outside_functions(node):
        match part:
            case ast.AugAssign(target=target):
                unit.changes.add(_root(target))
            case (
                ast.Subscript(ctx=ast.Store() | ast.Del())
                | ast.Attribute(ctx=ast.Store() | ast.Del())
            ):
                unit.changes.add(_root(part))
            case ast.Expr(value=ast.Call(func=called)) if _root(called) not in HARMLESS:
                unit.changes |= _given(part.value)
    unit.changes.discard("")
    return unit


def _names(node: ast.AST) -> tuple[set[str], set[str], set[str]]:
    """Return the names that a piece of code reads, those that its functions read, and binds.

    Not by Python's `symtable`, which from 3.12 on counts the variable of a comprehension to the
    code around it.
    """
    reads: set[str] = set()
    late: set[str] = set()
    writes: set[str] = set()

    def visit(part: ast.AST, own: frozenset[str], at_once: bool) -> None:
        match part:
            case ast.Name(id=name, ctx=ast.Load()):
                if name not in own:
                    (reads if at_once else late).add(name)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                inner = own | _stored([loop.target for loop in part.generators])
                for child in ast.walk(part):
                    if isinstance(child, ast.NamedExpr) and at_once:
                        writes.add(child.target.id)
                for child in ast.iter_child_nodes(part):
                    visit(child, inner, at_once)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                body = part.body if isinstance(part.body, list) else [part.body]
                arguments = part.args
                for child in [*arguments.defaults, *filter(None, arguments.kw_defaults)]:
                    visit(child, own, at_once)
                for child in getattr(part, "decorator_list", []):
                    visit(child, own, at_once)
                parameters = {arg.arg for arg in ast.walk(arguments) if isinstance(arg, ast.arg)}
                shared = {
                    name for child in ast.walk(part) if isinstance(child, ast.Global)
                    for name in child.names
                }  # fmt: skip
                writes.update(shared)
                inner = own | ((parameters | _stored(body)) - shared)
                for child in body:
                    visit(child, inner, False)
            case _:
                for child in ast.iter_child_nodes(part):
                    visit(child, own, at_once)

    visit(node, frozenset(), True)
    if isinstance(node, ast.AugAssign):
        reads.add(_root(node.target))
    return reads, late, writes | _stored([node])


def _stored(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that code binds in its own scope."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                found.add(name)
                continue
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                continue
            case ast.DictComp():
                continue
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.MatchAs(name=str(name)):
                found.add(name)
            case ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
        found |= _stored(ast.iter_child_nodes(node))
    return found


def _flow(node: ast.AST) -> tuple[set[str], set[str]]:
    """Return the names that a statement reads before it binds them, and those it surely binds."""
    match node:
        case ast.For(target=target, iter=iterable, body=body, orelse=orelse):
            bound = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
            inside, _ = _flow_of(body)
            after, _ = _flow_of(orelse)
            return _names(iterable)[0] | (inside - bound) | after, set()
        case ast.While(test=test, body=body, orelse=orelse):
            return _names(test)[0] | _flow_of(body)[0] | _flow_of(orelse)[0], set()
        case ast.If(test=test, body=body, orelse=orelse):
            (first, sure), (second, also) = _flow_of(body), _flow_of(orelse)
            return _names(test)[0] | first | second, sure & also
        case ast.With(items=items, body=body):
            entered = set().union(*(_names(item.context_expr)[0] for item in items))
            targets = [item.optional_vars for item in items if item.optional_vars]
            bound = {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)}
            inside, sure = _flow_of(body)
            return entered | (inside - bound), sure | bound
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            reads = _flow_of([*body, *orelse])[0] | _flow_of(finalbody)[0]
            for handler in handlers:
                reads |= _names(handler.type)[0] if handler.type else set()
                reads |= _flow_of(handler.body)[0] - {handler.name}
            return reads, set()
    reads, _, writes = _names(node)
    sure = isinstance(node, (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, *SCOPES))
    return reads, writes if sure else set()


def _flow_of(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    reads: set[str] = set()
    sure: set[str] = set()
    for statement in body:
        read, bound = _flow(statement)
        reads |= read - sure
        sure |= bound
    return reads, sure


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when the statement runs: not the bodies of functions."""
    if isinstance(node, SCOPES):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _outside_functions(child)


def _given(call: ast.expr) -> set[str]:
    """Return the names whose values a call is handed as they are, or is a method of."""
    found = set()
    while isinstance(call, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(call, ast.Call):
            arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
            found |= {_root(a) for a in arguments if not isinstance(a, ast.Call)}
        call = call.func if isinstance(call, ast.Call) else call.value
    return found | {_root(call)}


def _root(node: ast.AST) -> str:
    """Return the name in which an expression such as `axes[0].lines` begins."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def units_of(cells: Iterable[str]) -> list[Unit]:
    """Read the statements of the cells, in order; one with a syntax error has none."""
    units: list[Unit] = []
    for number, source in enumerate(cells):
        with suppress(SyntaxError):
            units += [replace(unit, changes={*unit.changes}) for unit in _read(number, source)]
    _follow_generators(units)
    return units


@lru_cache(maxsize=1000)
def _read(cell: int, source: str) -> list[Unit]:
    """Read the statements of one cell; most cells are as they were at the last run."""
    return [unit_of(node, cell) for node in ast.parse(source).body]


def _follow_generators(units: list[Unit]) -> None:
    """Count each draw from a random generator as a change, also by a function that draws.

    Modules, functions and classes are taken not to change.
    """
    drawn: dict[str, set[str]] = {}  # name → the generators whose state its use changes
    fixed: set[str] = set()
    for unit in units:
        defines = isinstance(unit.node, SCOPES)
        unit.changes -= fixed - drawn.keys()
        if defines:
            found = set().union(*(drawn.get(name, set()) for name in unit.late))
        else:
            unit.changes |= set().union(*(drawn.get(name, set()) for name in unit.reads))
            makes = "default_rng" in unit.text
            found = set(unit.sure) if makes and isinstance(unit.node, ast.Assign) else set()
        fixed = fixed | unit.writes if defines or unit.imports else fixed - unit.writes
        for name in unit.sure:
            drawn.pop(name, None)
            if found:
                drawn[name] = found


def needed(cells: list[str], index: int) -> list[Unit]:
    """Return the statements above a cell that it needs, in order.

    Parameters
    ----------
    cells : the sources of a page's cells, at least to `index`
    index : the cell that is to run
    """
    return needed_of(units_of(cells[: index + 1]), index)


def needed_of(units: list[Unit], index: int) -> list[Unit]:
    """Return what `needed` does, of a page's statements that have been read."""
    above = [unit for unit in units if unit.cell < index]
    own = [unit for unit in units if unit.cell == index]
    wanted: set[str] = set()
    for unit in reversed(own):
        wanted = (wanted - unit.sure) | unit.reads | unit.late
    wanted = _with_late(wanted, above)
    chosen: list[Unit] = []
    for place in range(len(above) - 1, -1, -1):
        unit = above[place]
        if not (unit.writes | unit.changes) & wanted or _is_setup(unit, above):
            continue
        chosen.insert(0, unit)
        at_once = unit.reads if isinstance(unit.node, SCOPES) else unit.reads | unit.late
        wanted = (wanted - unit.sure) | _with_late(at_once, above[:place])
    return _with_setup(chosen, own, above)


def _with_late(names: set[str], above: list[Unit]) -> set[str]:
    """Add what the functions behind these names will read when they are called."""
    found, waiting = set(), set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        writer = next((unit for unit in reversed(above) if name in unit.writes), None)
        if writer is not None:
            waiting |= writer.late - found
    return found


def _is_setup(unit: Unit, above: list[Unit]) -> bool:
    """Say whether a statement only calls imported modules, as `figures.use_style()` does."""
    if not isinstance(unit.node, ast.Expr) or not unit.reads:
        return False
    imported = set().union(*(other.writes for other in above if other.imports))
    return unit.reads <= imported


def _with_setup(chosen: list[Unit], own: list[Unit], above: list[Unit]) -> list[Unit]:
    """Add the statements that set up a library which the chosen ones load."""
    present = libraries([*chosen, *own]) - {"numpy"}
    found = []
    for place, unit in enumerate(above):
        if unit in chosen:
            found.append(unit)
        elif _is_setup(unit, above[:place]):
            imports = [
                next(u for u in reversed(above[:place]) if name in u.writes)
                for name in sorted(unit.reads)
            ]
            if libraries(imports) & present:
                found += [u for u in imports if u not in chosen and u not in found] + [unit]
    return found


def libraries(units: Iterable[Unit]) -> set[str]:
    """Name the libraries that the statements import, themselves or by modules of ours."""
    return set().union(*(_of(module) for unit in units for module in _imported(unit.node)))


def _imported(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and part.module:
            yield part.module
            yield from (f"{part.module}.{alias.name}" for alias in part.names)


@cache
def _of(module: str) -> frozenset[str]:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return frozenset()
    if top not in OWN:
        return frozenset({LOADED.get(top, top)})
    found, waiting, seen = set(), [module], set()
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        if name == FILES:
            found.add("files")
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for statement in tree.body:  # what a function imports is loaded when it is called
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for other in _imported(statement):
                    if other.partition(".")[0] in OWN:
                        waiting.append(other)
                    else:
                        found |= _of(other)
    return frozenset(found)


def _file(module: str) -> Path | None:
    """Return the file of one of our modules, without loading it; None for a name in one."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent.joinpath(*rest)
    if path.is_dir():
        return path / "__init__.py"
    path = path.with_suffix(".py")
    return path if path.exists() else None
