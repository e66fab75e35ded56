#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holds the manual pages against the program: each list has all that the program has, and no more. Of the guides
beside them (*.md) the files and metrics that they name are there.

usage: manual.py BUILD MANUAL...   folders, each with pages as scdoc takes them
"""
import glob
import json
import pathlib
import re
import subprocess
import sys

import yaml

BUILD, *FOLDERS = sys.argv[1:]
pages = {page.name.removesuffix(".scd"): page.read_text() for f in FOLDERS for page in pathlib.Path(f).glob("*.scd")}
faults = []


def run(program, *words):
    return subprocess.run([f"{BUILD}/{program}", *words], capture_output=True, text=True, check=True).stdout


def compare(page, what, manual, program):
    manual, program = set(manual), set(program)
    faults.extend(f"{page}: {what}: {x}: not in the manual" for x in sorted(program - manual))
    faults.extend(f"{page}: {what}: {x}: not in the program" for x in sorted(manual - program))
    if not program:
        faults.append(f"{page}: {what}: the program has none?")


def section(page, title):
    parts = re.split(r"^# (.*)$", pages[page], flags=re.M)
    return parts[parts.index(title) + 1]


def heads(text):
    """The terms of a list: lines that are not indented and begin in bold."""
    return re.findall(r"^\*([^*]+)\*", text, flags=re.M)


def option_words(text):
    return re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text)


def check_options(page, what, text, usage):
    """What stands in the usage's first column is described; what the manual names, the usage has."""
    columns = re.findall(r"^ +(-.*?)(?:  |$)", usage, flags=re.M)
    told, known = set(option_words(text)), set(option_words(usage))
    compare(page, f"options of {what}", told, told & known | set(option_words("\n".join(columns))))


def check_commands(page, program, names, elsewhere=()):
    parts = re.split(rf"^## {program} (.*)$", section(page, "COMMANDS"), flags=re.M)
    described = dict(zip(parts[1::2], parts[2::2]))
    compare(page, "commands", described, names)
    for name in set(described) & set(names) - set(elsewhere):
        check_options(page, name, described[name], run(program, name, "--help"))


def schema_keys(part, path=""):
    """KEY, or KEY (default: VALUE) or KEY (required), as the manual writes them."""
    for choice in part.get("anyOf", []):
        yield from schema_keys(choice, path)
    for key, value in part.get("properties", {}).items():
        here = f"{path}.{key}" if path else key
        if "default" in value:
            word = value["default"]
            yield f"{here} (default: {json.dumps(word) if isinstance(word, bool) else word})"
        else:
            yield f"{here} (required)" if key in part.get("required", []) else here
        yield from schema_keys(value, here)
    if isinstance(part.get("additionalProperties"), dict):
        yield from schema_keys(part["additionalProperties"], path + ".NAME")
    if "items" in part:
        yield from schema_keys(part["items"], path + "[]")


def check_keys(page):
    manual = re.findall(r"^\*([a-zA-Z_.\[\]0-9]+)\*( \((?:default: .*|required)\))?$", pages[page], flags=re.M)
    compare(page, "keys", ("".join(key) for key in manual), schema_keys(json.loads(run("weir", "schema"))))


def operations():
    paths = yaml.safe_load(pathlib.Path("docs/openapi.yaml").read_text())["paths"]
    return (f"{method.upper()} {path}" for path in paths for method in paths[path].keys() - {"parameters"})


def check_guide(guide):
    text = guide.read_text()
    for path in re.findall(r"`((?:bpf|lb|datapath|tools|bench|sim|tests|configs|docs|systemd)/[\w./*@-]+)`", text):
        # In capitals stands what the reader fills in: t_BEHAVIOUR.sh.
        if not glob.glob(path) and not re.search("[A-Z]{3}", path):
            faults.append(f"{guide}: {path}: not there")
    for name in sorted(set(re.findall(r"\bweir_[a-z_]*[a-z]\b", text)) - {"weir_gate"}):
        if re.sub("_(bucket|sum|count)$", "", name) not in metrics:
            faults.append(f"{guide}: {name}: not there")


metrics = re.findall(r'"((?:weir|process)_\w+)"', pathlib.Path("tools/weir/metric_families.c").read_text())

check_commands("weir.8", "weir", run("weir", "commands").split(), elsewhere=["backend"])
compare("weir.8", "drop reasons", heads(section("weir.8", "DROP REASONS")),
        run("weir", "commands", "capture", "--reason").split())
compare("weir.8", "metrics", set(heads(section("weir.8", "METRICS"))) - {"GET /metrics"}, metrics)
compare("weir.8", "API", heads(section("weir.8", "API")), operations())
check_options("weir-backend.8", "backend", section("weir-backend.8", "OPTIONS"), run("weir", "backend", "--help"))
check_keys("weir.yaml.5")
for tool in re.findall(r"^weir-\w+(?=\.1$)", "\n".join(pages), flags=re.M):
    # A program of several commands lists them as `  NAME  what it does`.
    commands = re.findall(r"^  ([a-z]+) ", run(tool, "--help"), flags=re.M)
    if commands:
        check_commands(f"{tool}.1", tool, commands)
    else:
        check_options(f"{tool}.1", tool, section(f"{tool}.1", "OPTIONS"), run(tool, "--help"))

guides = [g for f in FOLDERS for g in pathlib.Path(f).parent.glob("*.md")]
for guide in guides + [pathlib.Path(x) for x in ("README.md", "CONTRIBUTING.md")]:
    check_guide(guide)

print("\n".join(faults) or f"{len(pages)} pages have what the program has")
sys.exit(bool(faults))
