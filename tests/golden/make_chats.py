#!/usr/bin/env python3
"""Writes the conversations below by chat templates as Hugging Face transformers does.

    pip install transformers tokenizers                        # versions: see PROVENANCE.md
    make_chats.py [FOLDER]                                     # FOLDER/*.jinja to FOLDER/chats.json

The folder is `chats` beside this file where none is named. A template that refuses a conversation has
its reason there in place of the text."""
import json
import pathlib
import sys

import jinja2
import tokenizers
import transformers

FOLDER = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "chats"
# What stands for a day, so that templates with a clock write the same on any.
DAY = {"date_string": "26 Jul 2024", "today": "26 Jul 2024"}
WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "What it's like <outside> & \"soon\"",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "München, 東京"},
        "days": {"type": "integer", "minimum": 1, "default": 3},
        "units": {"type": "string", "enum": ["metric", "imperial"]}}, "required": ["city"]}}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "The time", "parameters": {
    "type": "object", "properties": {}}}}


def said(role, content):
    return {"role": role, "content": content}


def calls(content, *called):
    functions = [{"type": "function", "function": {"name": name, "arguments": arguments}} for name, arguments in called]
    return {"role": "assistant", "content": content, "tool_calls": functions}


ASKED = [said("user", "Will it rain?"), calls("", ("weather", {"city": "Köln", "days": 2}))]
TABLE = [
    {"messages": [said("user", " Hi <b>\"you\"</b> & me \n")]},
    {"messages": [said("system", " Be brief. "), said("user", "one"), said("assistant", "two"), said("user", "three")]},
    {"messages": [said("user", "a"), said("assistant", "<think>\nhm\n</think>\n\nb"), said("user", "c")]},
    {"messages": [said("user", "a"), said("assistant", "<think>\nhm\n</think>\n\nb")]},
    {"messages": [said("user", "a")], "variables": {"enable_thinking": False}},
    {"messages": [said("user", "a")], "variables": {"enable_thinking": True}},
    {"messages": [said("system", "S"), said("user", "a")], "tools": [WEATHER]},
    {"messages": [said("user", "a")], "tools": [WEATHER, CLOCK]},
    {"messages": [*ASKED, said("tool", "{\"rain\": true}")], "tools": [WEATHER]},
    {"messages": [*ASKED, said("tool", "wet"), said("assistant", "Yes."), said("user", "Sure?")], "tools": [WEATHER, CLOCK]},
    {"messages": [said("user", "a"), calls("I look.", ("clock", {}), ("weather", {"city": "x", "why": [1, None, True, 0.5]})),
                  said("tool", "12:00"), said("tool", "dry")], "tools": [WEATHER, CLOCK]},
    {"messages": [said("user", "<tool_response>no</tool_response>"), said("assistant", "b"), said("user", "c")]},
]


def write(template, case):
    bare = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bare, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = template
    try:
        return {"text": tokenizer.apply_chat_template(
            case["messages"], tools=case.get("tools"), tokenize=False, add_generation_prompt=True,
            **DAY, **case.get("variables", {}))}
    except jinja2.exceptions.TemplateError as error:
        return {"refused": str(error)}


written = {path.stem: [write(path.read_text(), case) for case in TABLE] for path in sorted(FOLDER.glob("*.jinja"))}
described = {"transformers": transformers.__version__, "variables": DAY, "cases": TABLE, "written": written}
(FOLDER / "chats.json").write_text(json.dumps(described, ensure_ascii=False, indent=1) + "\n")
print({name: [next(iter(one)) for one in all_cases] for name, all_cases in written.items()})
