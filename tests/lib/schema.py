#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holds what `weir check` says of configurations against what the schema says of them.

usage: schema.py SCHEMA FAULTS RIGHT...

Each of RIGHT is a valid file, which the schema has to let through; one whose name ends in `.print`
has all keys, and the schema has to have the same. FAULTS is a file whose faulty lines end in
"# wrong": the schema has to find those, and no others, but for BEYOND.
"""
import json
import pathlib
import re
import sys

import jsonschema
import yaml

SCHEMA, FAULTS, *RIGHT = sys.argv[1:]

# What the schema cannot tell, by the text of the line: ranges written as text, what addresses are
# for, and the base of a number.
BEYOND = {
    "- {name: b3, address: 127.0.0.1}",
    "address: 203.0.113.300",
    "ports: 53-50",
    "- {name: b7, address: 10.0.0.7, server_id: 7}",
}


class Loader(yaml.SafeLoader):
    """YAML 1.2, as editors read it: truths are `true` and `false`, no octal but 0o, no dates."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", "true|false", "tf"),
    ("null", "null|~|", "n~"),
    ("int", "[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+[.][0-9]*", "-+0123456789"),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^({pattern})$"), list(first))
Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value, 16 if "x" in node.value else 10))

schema = json.loads(pathlib.Path(SCHEMA).read_text())
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)


def find_line(node, path):
    """The line of the value at a path, or of its key; counted from 1."""
    line = node.start_mark.line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            key, node = next(pair for pair in node.value if pair[0].value == step)
            line = key.start_mark.line
        else:
            node = node.value[step]
            line = node.start_mark.line
    return line + 1


def lines_of(error, root):
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        unknown = error.instance.keys() - error.schema["properties"].keys()
        return {find_line(root, path + [key]) for key in unknown}
    if error.validator == "required":
        return set()  # the misspelt key is named already
    return {find_line(root, path)}


def check_faults(path):
    text = pathlib.Path(path).read_text()
    wrong = {number for number, line in enumerate(text.split("\n"), 1) if line.endswith("# wrong")}
    root = yaml.compose(text, Loader)
    found = set().union(*(lines_of(e, root) for e in validator.iter_errors(yaml.load(text, Loader))))
    for number in sorted(wrong ^ found):
        line = text.split("\n")[number - 1].removesuffix("# wrong").strip()
        if number in found:
            yield f"{path}:{number}: refused, but nothing is wrong: {line}"
        elif line not in BEYOND:
            yield f"{path}:{number}: wrong, but not refused: {line}"


def check_right(path):
    value = yaml.load(pathlib.Path(path).read_text(), Loader)
    for error in validator.iter_errors(value):
        yield f"{path}: {error.json_path}: {error.message[:200]}"
    if path.endswith(".print"):
        yield from compare_keys(path, value, schema)


def compare_keys(path, value, part):
    """All keys are printed, so the schema's are those."""
    if isinstance(value, list):
        for item in value[:1]:
            yield from compare_keys(path + "[]", item, part.get("items", {}))
    elif isinstance(value, dict) and "properties" in part:
        for key in value.keys() ^ part["properties"].keys():
            yield f"{path}: {key}: not in both"
        for key in value:
            yield from compare_keys(f"{path}.{key}", value[key], part["properties"].get(key, {}))


faults = list(check_faults(FAULTS))
for right in RIGHT:
    faults += check_right(right)
print("\n".join(faults) or f"{len(RIGHT)} files pass, and each fault is found")
sys.exit(bool(faults))
