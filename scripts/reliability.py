#!/usr/bin/env python3
"""Writes the figures of a run of scripts/test --faults into the generated section of a document."""
import os
import platform
import subprocess
import sys

BEGIN = "<!-- figures: written by scripts/test --faults -->\n"
END = "<!-- end of figures -->\n"


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def section(figures):
    programs = os.environ.get("VMM_STORE_PG_BIN") or output("pg_config", "--bindir")
    server = output(f"{programs}/postgres", "--version") or "unknown server"
    pooler = (output("/usr/sbin/pgbouncer", "--version") or "no PgBouncer").splitlines()[0]
    commit = output("git", "rev-parse", "--short", "HEAD") or "unknown"
    if output("git", "status", "--porcelain", "--untracked-files=no"):
        commit += " with changes"
    command = " ".join(f"{name}={os.environ[name]}" for name in ("FAULT_SEED", "FAULT_LOAD_SECONDS"))
    lines = [
        f"`{command} scripts/test --faults`, at commit {commit}; {server}, {pooler}, Linux {platform.release()}, "
        f"{os.cpu_count()} cores, debug build.\n",
        "\n| fault | figures |\n|---|---|\n",
    ]
    for line in open(figures, encoding="utf-8"):
        fault, figure = line.rstrip("\n").split("\t", 1)
        lines.append(f"| {fault} | {figure} |\n")
    return BEGIN + "".join(lines) + END


def main(figures, document):
    text = open(document, encoding="utf-8").read()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    with open(document, "w", encoding="utf-8") as file:
        file.write(head + section(figures) + tail)


main(*sys.argv[1:])
