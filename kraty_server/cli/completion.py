"""`kraty completion`: static scripts for bash, zsh and fish, written from the parser itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from kraty_server.cli import terminal
from kraty_server.cli.commands import CommandParser, make_parser

Described: TypeAlias = Sequence[tuple[str, str]]
"""Names, each with its summary."""


class Option(NamedTuple):
    """An option of a command."""

    names: tuple[str, ...]
    summary: str
    choices: tuple[str, ...]
    """What its value may be; empty where that is free."""


class Place(NamedTuple):
    """Where one can be on a command line: behind `player`, say, or behind `player show`."""

    path: str
    commands: tuple[tuple[str, str], ...]
    """What may come next, each with its summary."""
    options: tuple[Option, ...]


def completion_arguments(parser: ArgumentParser) -> None:
    """Describe `completion`."""
    parser.add_argument("shell", choices=sorted(SCRIPTS), help="the shell that the script is for")
    parser.set_defaults(run=_completion)


def _completion(given: Namespace) -> None:
    script = SCRIPTS[given.shell](list(places(make_parser())))
    if given.json:
        terminal.write_json({"shell": given.shell, "script": script})
    else:
        terminal.write(script)


def places(parser: CommandParser, path: str = "") -> Iterator[Place]:
    """All places of a command line."""
    parser.describe()
    positional = [
        (str(choice), "") for a in parser.positionals() if a.choices and not parser.commands for choice in a.choices
    ]
    options = tuple(
        Option(tuple(a.option_strings), (a.help or "").partition(" (default")[0], tuple(map(str, a.choices or ())))
        for a in parser.optionals()
    )
    yield Place(path, (*parser.summaries.items(), *positional), options)
    for name, below in parser.commands.items():
        yield from places(below, f"{path} {name}".strip())


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _described(place: Place) -> Described:
    return [*place.commands, *((name, option.summary) for option in place.options for name in option.names)]


def _paths(found: Sequence[Place]) -> str:
    return "|".join(_quote(place.path) for place in found if place.path)


WALK: Final = """\
    local place='' word
    for word in {words}; do
        case "${{place:+$place }}$word" in
            {paths}) place="${{place:+$place }}$word" ;;
        esac
    done
"""
"""Finds out behind which command one is, in the way of bash and zsh."""


def _cases(found: Sequence[Place], previous: str, candidates: Callable[[Described], str]) -> list[str]:
    """What may come next, in the way of bash and zsh: values behind an option that has some, else names.

    Args:
        found: the places.
        previous: the word before, as the shell has it.
        candidates: writes names with their summaries, as the shell takes them.
    """
    lines = [f'    case "$place {previous}" in']
    for place in found:
        for option in place.options:
            if option.choices:
                values = candidates([(choice, "") for choice in option.choices])
                lines += [f"        {_quote(f'{place.path} {name}')}) candidates={values} ;;" for name in option.names]
    return [
        *lines,
        '        *) case "$place" in',
        *(f"            {_quote(place.path)}) candidates={candidates(_described(place))} ;;" for place in found),
        "        esac ;;",
        "    esac",
    ]


def _words(described: Described) -> str:
    return _quote(" ".join(name for name, _ in described))


def _array(described: Described) -> str:
    return f"({' '.join(_quote(f'{name}:{text}' if text else name) for name, text in described)})"


def bash(found: Sequence[Place]) -> str:
    """A script for bash."""
    lines = [
        "# bash completion of kraty:  source <(kraty completion bash)",
        "_kraty() {",
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} candidates",
        WALK.format(words='"${COMP_WORDS[@]:1:COMP_CWORD-1}"', paths=_paths(found)).rstrip(),
        *_cases(found, "$previous", _words),
        '    COMPREPLY=($(compgen -W "$candidates" -- "$current"))',
        "}",
        "complete -o default -F _kraty kraty",
    ]
    return "\n".join(lines)


def zsh(found: Sequence[Place]) -> str:
    """A script for zsh."""
    lines = [
        "#compdef kraty",
        "# zsh completion of kraty:  source <(kraty completion zsh), after compinit",
        "_kraty() {",
        "    local -a candidates",
        WALK.format(words='"${(@)words[2,CURRENT-1]}"', paths=_paths(found)).rstrip(),
        *_cases(found, "${words[CURRENT-1]}", _array),
        "    _describe 'kraty' candidates || _files",
        "}",
        "compdef _kraty kraty",
    ]
    return "\n".join(lines)


def fish(found: Sequence[Place]) -> str:
    """A script for fish."""
    lines = [
        "# fish completion of kraty:  kraty completion fish | source",
        "function __kraty_place",
        "    set -l place ''",
        "    for word in (commandline -opc)[2..]",
        '        switch (string trim -- "$place $word")',
        f"            case {' '.join(_quote(place.path) for place in found if place.path)}",
        '                set place (string trim -- "$place $word")',
        "        end",
        "    end",
        '    test "$place" = "$argv[1]"',
        "end",
    ]
    for place in found:
        here = f"complete -c kraty -n {_quote(f'__kraty_place {_quote(place.path)}')}"
        lines += [f"{here} -f -a {_quote(name)} -d {_quote(text)}" for name, text in place.commands]
        for option in place.options:
            flags = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
            value = f" -x -a {_quote(' '.join(option.choices))}" if option.choices else ""
            lines.append(f"{here} {flags}{value} -d {_quote(option.summary)}")
    return "\n".join(lines)


SCRIPTS: Final = {"bash": bash, "zsh": zsh, "fish": fish}
