#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares what a daemon answered with docs/openapi.yaml.

usage: openapi.py SPEC ANSWERS

ANSWERS has a file for each request: the line "METHOD PATH", then the answer as `curl -i` prints it.
Every operation of SPEC must have been asked at least once.
"""
import json
import pathlib
import sys

import jsonschema
import yaml

SPEC, ANSWERS = sys.argv[1:]
spec = yaml.safe_load(pathlib.Path(SPEC).read_text())


def deref(node):
    while "$ref" in node:
        target = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def find_path(path):
    """The path of the specification, with {names} for segments."""
    for pattern in spec["paths"]:
        ours, theirs = pattern.split("/"), path.split("/")
        if len(ours) == len(theirs) and all(o == t or o[:1] == "{" for o, t in zip(ours, theirs)):
            return pattern
    return None


def check(name, text):
    request, answer = text.split("\n", 1)
    method, url = request.split()
    head, body = answer.replace("\r\n", "\n").split("\n\n", 1)
    status = head.split()[1]
    headers = dict(line.lower().split(": ", 1) for line in head.split("\n")[1:])
    pattern = find_path(url.split("?")[0])
    if pattern is None:
        raise ValueError(f"{name}: {url} is not in the specification")
    operation = spec["paths"][pattern].get(method.lower())
    if operation is None:
        raise ValueError(f"{name}: {method} {pattern} is not in the specification")
    responses = operation["responses"]
    if status not in responses:
        raise ValueError(f"{name}: {request}: status {status} is not in the specification")
    content = deref(responses[status])["content"]
    media = headers["content-type"].split(";")[0]
    if media not in content:
        raise ValueError(f"{name}: {request}: {media} is not in the specification")
    schema = content[media].get("schema")
    if schema:
        value = json.loads(body) if media.endswith("json") else body
        validator = jsonschema.Draft202012Validator({**schema, "components": spec["components"]})
        errors = [f"{e.json_path}: {e.message[:300]}" for e in validator.iter_errors(value)]
        if errors:
            raise ValueError(f"{name}: {request}: " + "; ".join(errors[:5]))
    return method.lower(), pattern


def main():
    asked = set()
    faults = []
    for file in sorted(pathlib.Path(ANSWERS).iterdir()):
        try:
            asked.add(check(file.name, file.read_text(errors="replace")))
        except ValueError as fault:
            faults.append(str(fault))
    for pattern, operations in spec["paths"].items():
        for method in operations.keys() - {"parameters"}:
            if (method, pattern) not in asked:
                faults.append(f"nobody asked for {method.upper()} {pattern}")
    print("\n".join(faults) or f"{len(asked)} operations are as they are described")
    sys.exit(bool(faults))


main()
