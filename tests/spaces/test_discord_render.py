"""Tests `spaces/discord/render.py`: the files of a bot's Space. `apps/test_discord_bot.py` runs them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from copies import copy_into, pack

import gradio_client_lite
from gradio_client_lite.errors import InvalidValue, MissingPackageError
from gradio_client_lite.spaces.discord import render as render_module
from gradio_client_lite.spaces.discord.render import render

TEXT: Dict[str, Any] = {
    "label": "Your Text",
    "parameter_name": "text",
    "parameter_has_default": False,
    "python_type": {"type": "str", "description": ""},
    "type": {"type": "string"},
    "component": "Textbox",
}


def parameter(**changes: Any) -> Dict[str, Any]:
    return {**TEXT, **changes}


def of_type(python_type: str, **changes: Any) -> Dict[str, Any]:
    return parameter(python_type={"type": python_type}, type={"type": "object"}, **changes)


def constant(files: Dict[str, str], name: str) -> Any:
    """What a name stands for in app.py."""
    for node in ast.parse(files["app.py"]).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and ast.unparse(target) == name:
            return ast.literal_eval(node.value)
    raise KeyError(name)


def options(*parameters: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The options of a command for a function with these parameters."""
    files = render("owner/app", [("/fn", "fn")], {"/fn": {"parameters": list(parameters)}})
    (command,) = constant(files, "COMMANDS")
    return list(command["options"])


def test_files_of_the_space() -> None:
    files = render("owner/app", [("/shout", "loud")], {"/shout": {"parameters": [TEXT]}})
    assert sorted(files) == ["README.md", "app.py", "requirements.txt"]
    assert files["requirements.txt"] == "discord.py>=2.4,<3\n"
    assert files["README.md"].startswith('---\ntitle: "Discord bot of owner/app"\n')
    assert "\nsdk: gradio\nsdk_version: 6.31.0\napp_file: app.py\n" in files["README.md"]
    assert "\ntags:\n- gradio-discord-bot\n---\n" in files["README.md"]
    assert "| `/loud` | `/shout` |" in files["README.md"]
    assert "HF_TOKEN" not in files["README.md"]
    assert constant(files, "APP") == "owner/app"
    assert constant(files, "COMMANDS") == [
        {
            "name": "loud",
            "api_name": "/shout",
            "description": "Ask owner/app (shout)",
            "options": [
                {
                    "name": "text",
                    "parameter": "text",
                    "kind": "text",
                    "required": True,
                    "description": "Your Text",
                }
            ],
        }
    ]


@pytest.mark.parametrize("src", ["http://h/\"'{}@commands@", "http://h/\\\n", "http://h/é"])
def test_any_url_is_only_a_text_in_the_bot(src: str) -> None:
    files = render(src, [("/fn", "fn")], {"/fn": {"parameters": []}})
    assert constant(files, "APP") == src
    assert len(constant(files, "COMMANDS")) == 1


def test_bot_of_a_gradio_4_app_gets_a_client_that_speaks_to_it() -> None:
    files = render("owner/app", [("/fn", "fn")], {"/fn": {}}, gradio_version="4.44.1")
    assert "\nsdk_version: 5.50.0\n" in files["README.md"]


def test_bot_of_a_private_space_needs_a_token() -> None:
    files = render("owner/app", [("/fn", "fn")], {"/fn": {}}, private=True)
    assert "`HF_TOKEN`, a token that may read the app's Space" in files["README.md"]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (TEXT, "text"),
        (parameter(type={"type": "number"}), "number"),
        (parameter(type={"type": "integer"}), "integer"),
        (parameter(type={"type": "boolean"}), "boolean"),
        (parameter(type={}), "json"),
        (parameter(type=None, python_type=None), "json"),
        (parameter(type={"type": "array", "items": {"type": "string"}}), "json"),
        (of_type("filepath"), "file"),
        (of_type("List[filepath]"), "files"),
    ],
)
def test_kind_of_an_option(given: Dict[str, Any], kind: str) -> None:
    (option,) = options(given)
    assert option["kind"] == kind


def test_choices() -> None:
    (option,) = options(parameter(type={"enum": ["a", 1, 2.5]}, parameter_has_default=True))
    assert (option["kind"], option["required"]) == ("text", False)
    assert option["choices"] == {"a": "a", "1": 1, "2.5": 2.5}


@pytest.mark.parametrize(
    ("enum", "names"),
    [
        (["1", 1], ["1", "1 (2)"]),
        (['"1"', 1, "1"], ['"1"', "1", '"1" (2)']),
        (["a", "b", "a"], ["a", "b"]),
        ([1, 1.0, True], ["1", "1.0", "True"]),
    ],
)
def test_each_choice_has_one_name_of_its_own(enum: List[Any], names: List[str]) -> None:
    (option,) = options(parameter(type={"enum": enum}))
    assert list(option["choices"]) == names
    assert list(map(repr, option["choices"].values())) == list(map(repr, enum[: len(names)]))


@pytest.mark.parametrize("label", [" ", "\n", "\u3000"])
def test_a_blank_label_describes_nothing(label: str) -> None:
    (option,) = options(parameter(label=label))
    assert option["description"] == "text"


def test_choices_of_any_kind() -> None:
    enum = ["ü", 1, "1", True, None, {"a": 1}, ["b"], ""]
    (option,) = options(parameter(type={"enum": enum}))
    assert option["kind"] == "text"
    assert list(option["choices"]) == ["ü", "1", '"1"', "True", "None", '{"a": 1}', '["b"]', '""']
    assert list(option["choices"].values()) == enum


@pytest.mark.parametrize(
    "label",
    [
        {"_type": "translation_metadata", "key": "Your name"},
        '__i18n__{"__type__": "translation_metadata", "key": "Your name"}',
    ],
)
def test_a_translated_label_is_its_key(label: Any) -> None:
    (option,) = options(parameter(label=label, parameter_name="param_0"))
    assert (option["name"], option["description"]) == ("your_name", "Your name")


def test_message_with_files_is_two_options() -> None:
    message = of_type(
        "dict(text: str, files: list[filepath])",
        parameter_name="message",
        component="Multimodaltextbox",
        parameter_has_default=True,
    )
    text, file = options(message)
    assert (text["name"], text["kind"], text["required"]) == ("message", "message", True)
    assert (file["name"], file["kind"], file["required"]) == ("file", "message file", False)
    assert text["parameter"] == file["parameter"] == "message"


def test_required_options_come_first() -> None:
    given = [parameter(parameter_has_default=True), parameter(parameter_name="b")]
    assert [option["name"] for option in options(*given)] == ["b", "text"]


def test_names_of_options() -> None:
    given = [
        parameter(parameter_name="param_0", label="How Many?"),
        parameter(parameter_name="param_1", label="how many"),
        parameter(parameter_name="param_2", label="é"),
        parameter(parameter_name="CamelCase_" + "x" * 40),
    ]
    names = [option["name"] for option in options(*given)]
    assert names == ["how_many", "how_many_2", "param_2", "camelcase_" + "x" * 22]


def test_descriptions_are_short() -> None:
    (option,) = options(parameter(label="word " * 50))
    assert len(option["description"]) == 100
    assert option["description"].endswith("…")


def test_files_that_no_option_can_give() -> None:
    gallery = of_type("list[dict(image: filepath, caption: str | None)]", parameter_name="gallery")
    assert options({**gallery, "parameter_has_default": True}, TEXT)[0]["name"] == "text"
    with pytest.raises(InvalidValue, match="The argument gallery of /fn holds files"):
        options(gallery)


def test_more_arguments_than_options() -> None:
    optional = [parameter(parameter_name=f"p{i}", parameter_has_default=True) for i in range(30)]
    assert len(options(TEXT, *optional)) == 25
    with pytest.raises(InvalidValue, match="/fn needs more arguments than the 25"):
        options(*[{**each, "parameter_has_default": False} for each in optional])


def test_arguments_without_names() -> None:
    with pytest.raises(InvalidValue, match="does not say what the arguments of /fn are called"):
        options(parameter(parameter_name=None))


def test_the_program_is_a_file_of_the_package_in_which_two_values_change() -> None:
    """The file is linted, typed and tested; what a Space gets is that file."""
    path = Path(gradio_client_lite.__file__).parent / "spaces" / "discord" / "bot" / "app.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    text = render("owner/app", [("/fn", "fn")], {"/fn": {"parameters": [TEXT]}})["app.py"]
    deployed = text.splitlines()
    assert [line for line in lines if line not in deployed] == ['APP = ""', "COMMANDS: List[Command] = []"]
    assert deployed[: lines.index('APP = ""')] == lines[: lines.index('APP = ""')]
    assert "APP = 'owner/app'" in deployed
    compile(text, "app.py", "exec")


def test_program_that_was_left_out_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_module, "__name__", "json.render")  # a package without such a file
    with pytest.raises(MissingPackageError, match="The program of a Discord bot cannot be read") as caught:
        render("owner/app", [("/fn", "fn")], {"/fn": {}})
    assert isinstance(caught.value.__cause__, OSError)


def test_program_comes_along_in_a_copy_that_is_renamed_nested_and_zipped(tmp_path: Path) -> None:
    name = copy_into(tmp_path / "copy", "outer", "inner", "client")
    archive = pack(tmp_path / "copy", tmp_path / "copy.zip")
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(archive)!r})\n"
        f"from {name}.spaces.discord.render import render\n"
        "print(render('owner/app', [('/fn', 'fn')], {'/fn': {}})['app.py'])\n"
    )
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"APP = 'owner/app'" in done.stdout
