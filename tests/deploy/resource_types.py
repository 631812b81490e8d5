"""Resources held against their types: names of members, required ones, kinds of values, enumerations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.bicep import Expression, Resource

_KINDS: dict[str, type] = {"string": str, "bool": bool, "int": int, "any": object}
_OF_BICEP = {"scope", "parent", "dependsOn"}

# Microsoft's type data have none of these. Their members are those of its reference and of public templates.
_BY_HAND: dict[str, Any] = {
    "Microsoft.Authorization/locks@2020-05-01": {
        "body": [{"members": {"name": ["string", "Required"], "properties": ["Lock", "Required"]}}],
        "types": {
            "Lock": {
                "members": {
                    "level": ["CanNotDelete | ReadOnly", "Required"],
                    "notes": ["string"],
                }
            }
        },
    },
    "Microsoft.Insights/diagnosticSettings@2021-05-01-preview": {
        "body": [{"members": {"name": ["string", "Required"], "properties": ["Setting"]}}],
        "types": {
            "Setting": {"members": {"workspaceId": ["string"], "logs": ["Log[]"]}},
            "Log": {"members": {"category": ["string"], "enabled": ["bool", "Required"]}},
        },
    },
    "Microsoft.Insights/actionGroups@2023-01-01": {
        "body": [
            {
                "members": {
                    "name": ["string", "Required"],
                    "location": ["string", "Required"],
                    "tags": ["any"],
                    "properties": ["ActionGroup"],
                }
            }
        ],
        "types": {
            "ActionGroup": {
                "members": {
                    "groupShortName": ["string", "Required"],
                    "enabled": ["bool", "Required"],
                    "emailReceivers": ["EmailReceiver[]"],
                }
            },
            "EmailReceiver": {
                "members": {
                    "name": ["string", "Required"],
                    "emailAddress": ["string", "Required"],
                    "useCommonAlertSchema": ["bool"],
                }
            },
        },
    },
    "Microsoft.Insights/scheduledQueryRules@2023-12-01": {
        "body": [
            {
                "members": {
                    "name": ["string", "Required"],
                    "location": ["string", "Required"],
                    "tags": ["any"],
                    "kind": ["LogAlert | LogToMetric"],
                    "properties": ["Rule", "Required"],
                }
            }
        ],
        "types": {
            "Rule": {
                "members": {
                    "displayName": ["string"],
                    "description": ["string"],
                    "enabled": ["bool"],
                    "severity": ["int", "Required"],
                    "scopes": ["string[]", "Required"],
                    "evaluationFrequency": ["string", "Required"],
                    "windowSize": ["string", "Required"],
                    "skipQueryValidation": ["bool"],
                    "autoMitigate": ["bool"],
                    "criteria": ["Criteria", "Required"],
                    "actions": ["Actions"],
                }
            },
            "Criteria": {"members": {"allOf": ["Condition[]"]}},
            "Condition": {
                "members": {
                    "query": ["string", "Required"],
                    "timeAggregation": ["Count | Average | Minimum | Maximum | Total", "Required"],
                    "operator": [
                        "Equals | GreaterThan | GreaterThanOrEqual | LessThan | LessThanOrEqual"
                    ],
                    "threshold": ["int"],
                    "failingPeriods": ["FailingPeriods"],
                }
            },
            "FailingPeriods": {
                "members": {
                    "numberOfEvaluationPeriods": ["int"],
                    "minFailingPeriodsToAlert": ["int"],
                }
            },
            "Actions": {"members": {"actionGroups": ["string[]"]}},
        },
    },
}


def known_types() -> dict[str, Any]:
    """Give what is known of each type of resource, by `type@version`."""
    listed = json.loads(Path(__file__).with_name("types.json").read_text())
    return {**listed, **_BY_HAND}


def problems(resource: Resource, types: dict[str, Any]) -> Iterator[str]:
    """Say what of a resource is not as its type wants it."""
    known = types.get(f"{resource.type}@{resource.version}")
    if known is None:
        yield f"{resource}: no such type"
    elif not resource.is_existing:
        body = {k: v for k, v in resource.body.items() if k not in _OF_BICEP}
        yield from _of_object(body, _body_of(body, known["body"]), known["types"], str(resource))


def _body_of(body: dict[str, Any], bodies: list[dict[str, Any]]) -> dict[str, Any]:
    """Choose the kind of body that the name stands for, where a type has several."""
    named = [each for each in bodies if each["members"].get("name", [""])[0] == body.get("name")]
    return (named or bodies)[0]


def _of_object(
    value: dict[str, Any], shape: dict[str, Any], types: dict[str, Any], where: str
) -> Iterator[str]:
    members = shape["members"]
    for name, (_, *flags) in members.items():
        if "Required" in flags and name not in value:
            yield f"{where}: {name} is missing"
    for name, each in value.items():
        if name in members:
            kind, *flags = members[name]
            if "ReadOnly" in flags:
                yield f"{where}: {name} cannot be set"
            yield from _of_value(each, kind, types, f"{where}.{name}")
        elif others := shape.get("others"):
            yield from _of_value(each, others, types, f"{where}.{name}")
        else:
            yield f"{where}: there is no {name}"


def _of_value(value: Any, kind: str, types: dict[str, Any], where: str) -> Iterator[str]:
    if isinstance(value, Expression):
        return
    if kind.endswith("[]"):
        if not isinstance(value, list):
            yield f"{where}: expected a list"
            return
        for each in value:
            yield from _of_value(each, kind[:-2], types, where)
    elif kind in types:
        if isinstance(value, dict):
            yield from _of_object(value, types[kind], types, where)
        else:
            yield f"{where}: expected an object"
    elif kind in _KINDS:
        if not isinstance(value, _KINDS[kind]) or (kind == "int" and isinstance(value, bool)):
            yield f"{where}: expected {kind}, not {value!r}"
    elif value not in kind.split(" | "):
        yield f"{where}: {value!r} is none of {kind}"
