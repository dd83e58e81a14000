"""No argument is ignored in silence: what Keras takes is read, or refused by its name."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from parity import coverage
from test_families import NEEDED

# Methods that the package calls, not its users, where a class may not need all it is told.
CALLED_BY_FASTMLP = frozenset({"lower", "lowered", "takes_portions"})
# What is true whatever is asked for.
ALWAYS = {"ops.top_k": {"top_k(sorted)"}}  # they are sorted, which False does not forbid


def counterparts() -> Iterator[tuple[str, Any, list[str] | None]]:
    """Dotted name, fastmlp's thing and the arguments of Keras's, of all that both have."""
    _, surface = coverage.surface()
    for module, names in surface.items():
        for name, arguments in names.items():
            thing = coverage.has(module, name)
            if thing is not None:
                yield (name if module == "keras" else f"{module}.{name}"), thing, arguments


def functions_of(thing: Any) -> Iterator[Callable[..., Any]]:
    """The function itself; of a class its constructor and the public methods that it defines."""
    if not isinstance(thing, type):
        if inspect.isfunction(inspect.unwrap(thing)):
            yield inspect.unwrap(thing)
        return
    for cls in thing.__mro__:
        if cls.__module__.split(".")[0] != "fastmlp":
            continue
        for name, member in vars(cls).items():
            function = (
                member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
            )
            hook = name.startswith(("_", "on_")) or name in CALLED_BY_FASTMLP
            if inspect.isfunction(function) and (name == "__init__" or not hook):
                yield function


@functools.cache
def unread(function: Callable[..., Any]) -> frozenset[str]:
    """Arguments whose value the function never looks at; none of one that only raises, or is
    there to be overridden."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    if all(isinstance(statement, (ast.Raise, ast.Pass)) for statement in body):
        return frozenset()
    given = tree.args
    names = {a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    names |= {a.arg for a in (given.vararg, given.kwarg) if a is not None}
    read = {
        node.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return frozenset(names - read - {"self", "cls"})


@pytest.mark.parametrize(
    ("name", "thing"), [pytest.param(n, t, id=n) for n, t, _ in counterparts()]
)
def test_every_argument_is_read(name: str, thing: Any) -> None:
    ignored = {f"{f.__qualname__}({a})" for f in functions_of(thing) for a in unread(f)}
    assert ignored == ALWAYS.get(name, set())


NOT_TAKEN = [
    pytest.param(name, thing, argument, id=f"{name}-{argument}")
    for name, thing, arguments in counterparts()
    for argument in coverage.not_taken(*name.rpartition(".")[::2], arguments)
]


@pytest.mark.parametrize(("name", "thing", "argument"), NOT_TAKEN)
def test_an_argument_that_is_not_taken_is_refused_by_its_name(
    name: str, thing: Any, argument: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=argument):
        thing(**NEEDED.get(thing, {}), **{argument: 1})
