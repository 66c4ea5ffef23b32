"""The part of a deployed bot's app.py that makes arguments of options, and messages of results.

See `discord_app`.
"""

from __future__ import annotations

SOURCE = '''\
# --- arguments


async def arguments_of(command, options, folder):
    """The arguments of the app's function; attached files are saved into `folder`."""
    arguments = {}
    for option in command["options"]:
        value = options.get(option["name"])
        if value is None:
            continue
        kind, parameter = option["kind"], option["parameter"]
        if isinstance(value, discord.Attachment):
            path = Path(folder, Path(value.filename).name or "file")
            await value.save(path)
            value = handle_file(str(path))
        if kind == "message":
            arguments.setdefault(parameter, {"text": "", "files": []})["text"] = value
        elif kind == "message file":
            arguments.setdefault(parameter, {"text": "", "files": []})["files"] = [value]
        elif kind == "files":
            arguments[parameter] = [value]
        elif kind == "json":
            arguments[parameter] = from_json(option["name"], value)
        elif kind == "number" and float(value).is_integer():  # as a browser sends it
            arguments[parameter] = int(value)
        elif "choices" in option:
            arguments[parameter] = chosen(option, value)
        else:
            arguments[parameter] = value
    return arguments


def from_json(name, text):
    try:
        value = json.loads(text)
    except ValueError:
        raise Mistake(f'`{name}` must be JSON, for example `["a", "b"]` or `{{"a": 1}}`.') from None
    # The client would open what such a dict names, which is a file of this machine.
    if FILE_MARK in json.dumps(value):
        raise Mistake(f"`{name}` must not name a file.")
    return value


def chosen(option, value):
    """The app's own value of a choice, which need not be text."""
    if value in option["choices"]:
        return option["choices"][value]
    known = ", ".join(f"`{choice}`" for choice in option["choices"])
    raise Mistake(f"`{option['name']}` must be one of {known}.")


# --- messages

MESSAGE_LENGTH = 2000  # characters that Discord takes in one message
MESSAGES = 10  # a longer reply than these can hold is sent as a text file
FILES = 10  # files that Discord takes with one message
FILE_SIZE = 10 * 1024 * 1024  # bytes, where Discord does not say how large a file may be
MESSAGE_KEYS = {"role", "content", "metadata", "options", "text", "type", "file", "files", "alt_text"}


def read_result(result, folder):
    """The text of a result, and the files in it that the app has sent."""
    texts, files = [], []
    for value in result if isinstance(result, tuple) else (result,):
        take_apart(value, folder, texts, files)
    return "\\n".join(text for text in texts if text.strip()), files


def take_apart(value, folder, texts, files):
    if isinstance(value, str):
        (files if is_file(value, folder) else texts).append(value)
    elif isinstance(value, dict) and set(value) == {"label", "confidences"}:
        sure = [f"{each['label']}: {each['confidence']:.0%}" for each in value["confidences"] or ()]
        texts.append("\\n".join(sure or [str(value["label"])]))
    elif isinstance(value, dict) and value and set(value) <= MESSAGE_KEYS:
        for key in ("content", "text", "file", "files"):
            take_apart(value.get(key), folder, texts, files)
    elif isinstance(value, dict) and {"component", "value"} <= set(value):  # shown within a chat
        take_apart(value["value"], folder, texts, files)
    elif is_list_of("role", value):
        asked = max((i for i, each in enumerate(value) if each["role"] == "user"), default=-1)
        for each in value[asked + 1 :]:  # of a whole conversation, what was said last
            take_apart(each, folder, texts, files)
    elif is_list_of("type", value) or holds_files(value, folder):
        for part in parts_of(value):
            take_apart(part, folder, texts, files)
    elif value is not None:
        texts.append(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def is_list_of(key, value):
    """Whether it is a list of dicts that have this key."""
    parts = value if isinstance(value, list) else ()
    return bool(parts) and all(isinstance(part, dict) and key in part for part in parts)


def parts_of(value):
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def holds_files(value, folder):
    if isinstance(value, str):
        return is_file(value, folder)
    return any(holds_files(part, folder) for part in parts_of(value))


def is_file(text, folder):
    """Whether it is a file of this conversation's: no other file of this machine may be sent."""
    try:
        path = Path(text).resolve()
        return Path(folder).resolve() in path.parents and path.is_file()
    except (OSError, ValueError):  # too long for a path, or not one at all
        return False


def split(text, length=MESSAGE_LENGTH):
    """Messages that Discord takes; a code block that is cut is closed and opened again."""
    opened = ""
    room = length - len("\\n```")
    while len(opened) + len(text) > length:
        end = room - len(opened)
        cut = text.rfind("\\n", end // 2, end) + 1 or text.rfind(" ", end // 2, end) + 1 or end
        message, text = opened + text[:cut], text[cut:]
        opened = fence(message)
        yield message.rstrip() + "\\n```" if opened else message
    yield opened + text


def fence(message):
    """The line that opens a code block which the message does not close; "" if there is none."""
    marks = [line for line in message.splitlines() if line.count("```") % 2]
    return marks[-1][marks[-1].index("```") :].strip()[:20] + "\\n" if len(marks) % 2 else ""


async def send(interaction, text, paths=(), folder=None):
    limit = getattr(interaction, "filesize_limit", None) or FILE_SIZE
    too_large = [path for path in paths if os.path.getsize(path) > limit]
    files = [path for path in paths if path not in too_large]
    if too_large:
        names = ", ".join(Path(path).name for path in too_large)
        text = f"{text}\\n(Too large for Discord: {names})".strip()
    messages = [message for message in split(text) if message.strip()]
    if len(messages) > MESSAGES:
        reply = Path(folder, "reply.txt")
        reply.write_text(text, encoding="utf-8")
        messages, files = ["The reply is long, so here it is as a file."], [str(reply), *files]
    groups = [files[i : i + FILES] for i in range(0, len(files), FILES)]
    last, groups = (messages.pop() if messages else ""), groups or [[]]
    if not last and not files:
        last = "The app has answered with nothing."
    for message in messages:
        await interaction.followup.send(message)
    for group in groups:  # the files come with the last of the text
        attached = {"files": [discord.File(path) for path in group]} if group else {}
        await interaction.followup.send(last, **attached)
        last = ""


'''
