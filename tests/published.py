"""The published description of the answers: JSON Schemas and OpenAPI."""

import json

import jsonschema
from referencing import Registry, Resource

from tests.servers import ROOT

FOLDER = ROOT / "smoketest" / "report" / "schema"
SCHEMAS = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json") if path.stem != "openapi"}
OPENAPI = json.loads((FOLDER / "openapi.json").read_text())

_REGISTRY = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


def check(name, value):
    """Raise an error where a value is not what the schema promises."""
    jsonschema.Draft202012Validator(
        SCHEMAS[name], registry=_REGISTRY, format_checker=jsonschema.FormatChecker()
    ).validate(value)
