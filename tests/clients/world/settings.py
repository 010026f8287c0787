"""Changes a configuration file as a person would: a commented example becomes a line that counts."""

import re
import tomllib

SECTION = re.compile(r"^(?:# )?\[([a-z_.]+)\]\s*(?:#|$)")


def value(of):
    """What Python has, as TOML writes it."""
    if isinstance(of, bool):
        return "true" if of else "false"
    if isinstance(of, (int, float)):
        return str(of)
    if isinstance(of, str):
        return '"' + of.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(of, list):
        return "[" + ", ".join(map(value, of)) + "]"
    if isinstance(of, dict):
        return "{ " + ", ".join(f"{key} = {value(item)}" for key, item in of.items()) + " }"
    raise TypeError(f"{of!r} has no place in a configuration")


def changed(text, changes):
    """`text` with `changes`, each "section.key": what it is; None leaves the key out."""
    for path, to in changes.items():
        section, key = path.rsplit(".", 1)
        text = _changed_one(text, section, key, to)
    tables = tomllib.loads(text)
    for path, to in changes.items():
        section, key = path.rsplit(".", 1)
        assert tables[section].get(key) == to, f"{path} is not {to!r} in\n{text}"
    return text


def _changed_one(text, section, key, to):
    lines = text.splitlines()
    begin = _begin(lines, section)
    if begin is None:
        lines += ["", f"[{section}]"]
        begin = len(lines) - 1
    lines[begin] = lines[begin].removeprefix("# ")
    end = next((i for i in range(begin + 1, len(lines)) if _ends(lines[i])), len(lines))
    line = [] if to is None else [f"{key} = {value(to)}"]
    own = [i for i in range(begin + 1, end) if re.match(rf"(?:# )?{key} = ", lines[i])]
    # Of an example and a line that counts, the line is the one to change.
    own.sort(key=lambda i: lines[i].startswith("#"))
    at = own[0] if own else begin + 1
    until = _after(lines, at) if own else at
    lines[at:until] = line
    return "\n".join(lines) + "\n"


def _begin(lines, section):
    found = [i for i, line in enumerate(lines) if (match := SECTION.match(line)) and match[1] == section]
    return found[0] if found else None


def _ends(line):
    return SECTION.match(line) or line.startswith("[[")


def _after(lines, at):
    """Where the value ends that begins at `at`: a list may take several lines."""
    code = lambda line: line.split("#")[0]
    depth = 0
    for i in range(at, len(lines)):
        depth += code(lines[i]).count("[") - code(lines[i]).count("]")
        if depth <= 0:
            return i + 1
    return at + 1
