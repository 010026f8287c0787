#!/usr/bin/env python3
"""The API, proven with clients that nobody here wrote: `python3 tests/clients/run.py --bin target/debug`.

Installs the packages of requirements.txt and of node/package-lock.json, starts a cloud, a gateway and devices as real
processes, and runs the suites against them. Standard library only; Python 3.11 or later.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / "target" / "clients" / "venv"


def main():
    arguments = parse()
    if sys.version_info < (3, 11):
        sys.exit(f"this is Python {sys.version.split()[0]}, and 3.11 or later is needed")
    node = None if arguments.without_node else need("node", "npm")
    for name in ("edge-node", "cloud-node"):
        if not (arguments.bin / name).is_file():
            sys.exit(f"there is no {arguments.bin / name}: `cargo build --bins` builds it")
    python = install_python()
    if node:
        install_node()
    command = [str(python), "-m", "suites", "--bin", str(arguments.bin.resolve()), "--only", arguments.only]
    command += [] if node else ["--without-node"]
    # What was imported is not written: the tree stays as it is.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    sys.exit(subprocess.run(command, cwd=HERE, env=environment).returncode)


def parse():
    parser = argparse.ArgumentParser(description="runs tests of the API with clients that exist")
    parser.add_argument("--bin", type=Path, required=True, help="the folder of edge-node and cloud-node")
    parser.add_argument("--only", default="", help="runs only tests whose suite or name has this in it")
    parser.add_argument("--without-node", action="store_true", help="leaves out what needs Node")
    return parser.parse_args()


def need(*tools):
    """Fails where a tool is missing; gives the tools."""
    if missing := [tool for tool in tools if not shutil.which(tool)]:
        sys.exit(f"{' and '.join(missing)} cannot be found: Node 20 or later is needed, or --without-node")
    return tools


def install_python():
    """The interpreter of an environment that has what requirements.txt lists."""
    wanted = HERE / "requirements.txt"
    python = ENVIRONMENT / "bin" / "python"
    if is_installed(ENVIRONMENT, wanted):
        return python
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    must("making a virtual environment", sys.executable, "-m", "venv", str(ENVIRONMENT))
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    must("installing Python packages", *pip, "install", "--requirement", str(wanted))
    note_installed(ENVIRONMENT, wanted)
    return python


def install_node():
    """Makes node/node_modules what package-lock.json says."""
    folder, wanted = HERE / "node", HERE / "node" / "package-lock.json"
    modules = folder / "node_modules"
    if not is_installed(modules, wanted):
        must("installing Node packages", "npm", "ci", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder))
        note_installed(modules, wanted)


def must(what, *command):
    """Runs a command that has to succeed."""
    print(f"{what} ...", flush=True)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{what} fails: `{' '.join(command)}` exits with {done.returncode}")


def is_installed(folder, wanted):
    """Whether `folder` holds what the file `wanted` lists as it is now."""
    stamp = folder / "installed"
    return stamp.is_file() and stamp.read_text() == digest(wanted)


def note_installed(folder, wanted):
    (folder / "installed").write_text(digest(wanted))


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
