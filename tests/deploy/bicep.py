"""Bicep files, read as far as checks need it: what they declare, with values that are literals as such."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bicep.language()))


class Expression(str):
    """What is known only when it is deployed; its text."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a file, as it is declared."""

    type: str
    default: Any
    decorators: dict[str, Any]

    @property
    def is_required(self) -> bool:
        return self.default is None


@dataclass(frozen=True)
class Resource:
    """A resource: its type without and with the version, and what is set of it."""

    symbol: str
    type: str
    version: str
    body: dict[str, Any]
    is_existing: bool

    def __str__(self) -> str:
        return f"{self.symbol} ({self.type}@{self.version})"


@dataclass(frozen=True)
class Module:
    """Another file, and what it is given."""

    symbol: str
    path: str
    params: dict[str, Any]
    depends_on: list[str]


@dataclass
class BicepFile:
    """What a file declares, by name."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    resources: list[Resource] = field(default_factory=list)
    modules: list[Module] = field(default_factory=list)


def read(path: Path) -> BicepFile:
    """Read a file; raises ValueError with the line where it is no Bicep."""
    return parse(path.read_bytes(), str(path))


def parse(text: bytes, name: str = "text") -> BicepFile:
    """Read the text of a file."""
    root = _PARSER.parse(text).root_node
    if broken := next(_broken(root), None):
        raise ValueError(f"{name}:{broken.start_point[0] + 1}: this is no Bicep")
    file, decorators = BicepFile(), dict[str, Any]()
    for node in root.named_children:
        match node.type:
            case "decorators":
                decorators = _decorators(node)
                continue
            case "parameter_declaration":
                kind, *default = _after_name(node)
                value = _value(default[0]) if default else None
                file.parameters[_name(node)] = Parameter(_text(kind), value, decorators)
            case "variable_declaration":
                file.variables[_name(node)] = _value(_after_name(node)[-1])
            case "output_declaration":
                file.outputs[_name(node)] = _text(_after_name(node)[-1])
            case "resource_declaration":
                file.resources.extend(_resources(node, None))
            case "module_declaration":
                file.modules.append(_module(node))
        decorators = {}
    return file


def _broken(node: Node) -> Iterator[Node]:
    if node.is_error or node.is_missing:
        yield node
    for child in node.children:
        if child.has_error or child.is_missing:
            yield from _broken(child)


def _decorators(node: Node) -> dict[str, Any]:
    found = {}
    for decorator in node.named_children:
        call = decorator.named_children[0]
        arguments = call.named_children[-1].named_children
        found[_text(call.named_children[0])] = [_value(each) for each in arguments]
    return found


def _resources(node: Node, parent: Resource | None) -> Iterator[Resource]:
    kind, version = _literal(node.named_children[1]).partition("@")[::2]
    if parent:
        kind, version = f"{parent.type}/{kind}", version or parent.version
    body = _body(node)
    is_existing = any(child.type == "existing" for child in node.children)
    nested = [
        child.named_children[0]
        for child in body.named_children
        if child.type == "object_property"
        and child.named_children[0].type == "resource_declaration"
    ]
    resource = Resource(_name(node), kind, version, _object(body), is_existing)
    yield resource
    for each in nested:
        yield from _resources(each, resource)


def _module(node: Node) -> Module:
    body = _object(_body(node))
    depends_on = [str(each) for each in body.get("dependsOn", [])]
    path = _literal(node.named_children[1])
    return Module(_name(node), path, body.get("params", {}), depends_on)


def _body(node: Node) -> Node:
    """Find the object behind a condition or a loop."""
    last = _after_name(node)[-1]
    while last.type != "object":
        last = last.named_children[-1]
    return last


def _object(node: Node) -> dict[str, Any]:
    found = {}
    for child in node.named_children:
        if child.type == "object_property" and len(child.named_children) > 1:
            key, value = child.named_children[0], child.named_children[-1]
            found[_literal(key) if key.type == "string" else _text(key)] = _value(value)
    return found


def _value(node: Node) -> Any:
    match node.type:
        case "object":
            return _object(node)
        case "array":
            return [_value(child) for child in node.named_children if child.type != "comment"]
        case "string" if all(child.type == "string_content" for child in node.named_children):
            return _literal(node)
        case "number":
            return int(_text(node))
        case "boolean":
            return _text(node) == "true"
        case "for_statement":
            return [_value(node.named_children[-1])]
        case _:
            return Expression(_text(node))


def _after_name(node: Node) -> list[Node]:
    return [child for child in node.named_children[1:] if child.type != "comment"]


def _name(node: Node) -> str:
    return _text(node.named_children[0])


def _literal(node: Node) -> str:
    text = _text(node)
    return text[3:-3] if text.startswith("'''") else text[1:-1].replace("\\'", "'")


def _text(node: Node) -> str:
    return (node.text or b"").decode()
