"""`isthmus server`, and `python -m isthmus`: nats-server's command line for our server.

Owns the table of flags and what each of them changes in the options; flags win over the
configuration file. Reads the environment, for the configuration's variables, and nothing else.

    isthmus server -c server.conf -p 4222 -js -sd /var/lib/isthmus -D
    isthmus server -t -c server.conf          is the file valid? what is its digest?
    isthmus server --signal reload=4711       send a signal to a running server
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from isthmus.base.constants import SERVER_VERSION
from isthmus.base.errors import NatsError, UsageError
from isthmus.cli.flags import Flag, FlagError, Given, lookup, parse
from isthmus.config.options import JetStreamOptions, Options
from isthmus.freshness import StaleExtensionError

PROGRAM = "isthmus"
DONE, FAILED, MISUSED = 0, 1, 2

_CLUSTER = "servers of a cluster run nats-server"
_TLS = "let a proxy in front of the server speak TLS"

FLAGS: dict[str, tuple[Flag, ...]] = {
    "Server": (
        Flag(("a", "addr", "net"), "text", "Address to listen on (0.0.0.0).", "host", "host"),
        Flag(("p", "port"), "integer", "Port for clients (4222); -1: a free one.", "port", "port"),
        Flag(("n", "name", "server_name"), "text", "Server name.", "server_name", "name"),
        Flag(("P", "pid"), "text", "File that gets the process id.", "pid_file", "file"),
        Flag(("m", "http_port"), "integer", "Port for monitoring.", "http_port", "port"),
        Flag(("c", "config"), "text", "Configuration file.", "config", "file"),
        Flag(("t",), "boolean", "Check the configuration file, and exit.", "check"),
        Flag(("sl", "signal"), "text", "Send a signal to a server: stop, quit, term, reopen, "
             "ldm, reload.", "signal", "signal=pid"),
        Flag(("client_advertise",), "text", "Address told to clients.", "client_advertise",
             "host:port"),
        Flag(("ports_file_dir",), "text", f"Folder that gets {PROGRAM}_<pid>.ports.",
             "ports_file_dir", "folder"),
        Flag(("ms", "https_port"), "integer", "Monitoring over TLS.", missing=_TLS),
    ),
    "Logging": (
        Flag(("l", "log"), "text", "File for the log.", "log_file", "file"),
        Flag(("T", "logtime"), "boolean", "Lines begin with the time (true).", "logtime"),
        Flag(("logtime_utc",), "boolean", "Times are UTC.", "logtime_utc"),
        Flag(("D", "debug"), "boolean", "Debug lines.", "debug"),
        Flag(("V", "trace"), "boolean", "Protocol lines and payloads.", "trace"),
        Flag(("VV",), "boolean", "Those of the system account as well.", "trace trace_verbose"),
        Flag(("DV",), "boolean", "Debug and trace.", "debug trace"),
        Flag(("DVV",), "boolean", "All of it.", "debug trace trace_verbose"),
        Flag(("max_traced_msg_len",), "integer", "Payload bytes in a trace (all).",
             "max_traced_message", "bytes"),
        Flag(("s", "syslog"), "boolean", "Log to syslog.", missing="use -l, or systemd"),
        Flag(("r", "remote_syslog"), "text", "Log to a remote syslog.",
             missing="use -l, or systemd"),
        Flag(("log_size_limit",), "integer", "Size at which the log is rotated.",
             missing="rotate with logrotate and --signal reopen"),
    ),
    "JetStream": (
        Flag(("js", "jetstream"), "boolean", "JetStream runs.", "jetstream"),
        Flag(("sd", "store_dir"), "text", "Folder for its data.", "store_dir", "folder"),
    ),
    "Authorization": (
        Flag(("user",), "text", "The one user.", "user", "name"),
        Flag(("pass",), "text", "Password of that user.", "password", "password"),
        Flag(("auth",), "text", "Token that clients present.", "token", "token"),
    ),
    "Common": (
        Flag(("h", "help"), "boolean", "This text.", "help"),
        Flag(("v", "version"), "boolean", "The version.", "version"),
    ),
    "": (
        Flag(("tls", "tlsverify"), "boolean", "", missing=_TLS),
        Flag(("tlscert", "tlskey", "tlscacert"), "text", "", missing=_TLS),
        Flag(("help_tls",), "boolean", "", missing=_TLS),
        Flag(("routes", "cluster", "cluster_listen", "cluster_advertise", "cluster_name"), "text",
             "", missing=_CLUSTER),
        Flag(("no_advertise",), "boolean", "", missing=_CLUSTER),
        Flag(("connect_retries",), "integer", "", missing=_CLUSTER),
        Flag(("profile",), "integer", "", missing="there is no Go to profile"),
    ),
}  # fmt: skip

_SIGNALS = {
    "stop": signal.SIGKILL,
    "quit": signal.SIGINT,
    "term": signal.SIGTERM,
    "reopen": signal.SIGUSR1,
    "ldm": signal.SIGUSR2,
    "reload": signal.SIGHUP,
}
_PLAIN = frozenset(Options.__struct_fields__)  # targets that are options themselves

Serve = Callable[..., int]


def main() -> None:
    """The entry point of `python -m isthmus`."""
    sys.exit(run(sys.argv[1:], os.environ))


def run(args: Sequence[str], environment: Mapping[str, str], serve: Serve | None = None) -> int:
    """Carry out one command line; the exit code. `serve` runs the server."""
    try:
        return _run(args, environment, serve)
    except FlagError as error:
        _complain(str(error))
        sys.stderr.write(f"see: {PROGRAM} server --help\n")
        return MISUSED
    except (NatsError, OSError, StaleExtensionError) as error:
        _complain(str(error))
        return FAILED


def _run(args: Sequence[str], environment: Mapping[str, str], serve: Serve | None) -> int:
    flags = lookup([flag for group in FLAGS.values() for flag in group])
    given, words = parse(args, flags)
    settings = _settings(given)
    word = words[0].lower() if words else ""
    if settings.get("version") or (word == "version" and not settings.get("help")):
        print(f"{PROGRAM}: v{_version()} (nats-server: v{SERVER_VERSION})")
        return DONE
    if settings.get("help") or word == "help":
        print(_usage())
        return DONE
    if words:
        raise FlagError(f'unrecognized command: "{words[0]}"')
    _refuse_missing(given)
    if settings.get("signal"):
        _send_signal(str(settings["signal"]))
        return DONE
    if settings.get("check"):
        return _check(settings, environment)
    options = _read(settings, environment)
    read_again = None
    if options.config_file:

        def read_again() -> Options:
            return _read(settings, environment)

    return (serve or _serve)(options, read_again=read_again)


def _serve(options: Options, *, read_again: Callable[[], Options] | None) -> int:
    from isthmus.server.serve import serve

    return serve(options, read_again=read_again)


# ---------------------------------------------------------------------- flags to options


def _settings(given: Sequence[Given]) -> dict[str, Any]:
    """What the flags set, by target; a later flag wins."""
    return {target: one.value for one in given for target in one.flag.target.split()}


def _refuse_missing(given: Sequence[Given]) -> None:
    for one in given:
        if one.flag.missing and one.value is not False:
            raise UsageError(f"flag -{one.name} is not implemented in isthmus: {one.flag.missing}")


def _read(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Options:
    """The options of the file, if one is named, with the flags on top."""
    options = Options()
    if settings.get("config"):
        from isthmus.config.load import load

        options, warnings = load(settings["config"], environment)
        for warning in warnings:
            sys.stderr.write(f"{warning}\n")
    return override(options, settings)


def override(options: Options, settings: Mapping[str, Any]) -> Options:
    """`options` with what the flags set; a port of 0 and an empty text set nothing."""
    changes = {
        name: value
        for name, value in settings.items()
        if name in _PLAIN and name != "jetstream" and (value or value is False)
    }
    for name in ("port", "http_port"):
        if not -1 <= changes.get(name, 0) <= 65535:
            raise UsageError(f"{name} {changes[name]} is not between 0 and 65535, nor -1")
    if changes.get("max_traced_message", 0) < 0:
        raise UsageError("max_traced_msg_len is not negative")
    changes |= _jetstream(options, settings)
    changes |= _authorization(options, settings)
    return msgspec.structs.replace(options, **changes)


def _jetstream(options: Options, settings: Mapping[str, Any]) -> dict[str, Any]:
    jetstream = options.jetstream
    if "jetstream" in settings:
        jetstream = (jetstream or JetStreamOptions()) if settings["jetstream"] else None
    if jetstream is not None and settings.get("store_dir"):
        jetstream = msgspec.structs.replace(jetstream, store_dir=settings["store_dir"])
    return {} if jetstream is options.jetstream else {"jetstream": jetstream}


def _authorization(options: Options, settings: Mapping[str, Any]) -> dict[str, Any]:
    changes = {name: settings[name] for name in ("user", "password", "token") if name in settings}
    if not changes:
        return {}
    authorization = msgspec.structs.replace(options.authorization, **changes)
    if authorization.password and not authorization.user:
        raise UsageError("--pass needs --user: a password without a user would let everybody in")
    if authorization.user and authorization.token:
        raise UsageError("Cannot have a user/pass and token")
    if authorization.users or any(account.users for account in options.accounts):
        raise UsageError("--user and --auth do not go with users of the configuration file")
    return {"authorization": authorization}


# ---------------------------------------------------------------------- instead of serving


def _check(settings: Mapping[str, Any], environment: Mapping[str, str]) -> int:
    path = settings.get("config")
    if not path:
        text = "must specify [-c, --config] option to check configuration file syntax"
        raise FlagError(text)
    from isthmus.config.load import load

    options, warnings = load(path, environment)
    if warnings:
        _complain("\n".join(map(str, warnings)))
        return FAILED
    _complain(f"configuration file {path} is valid ({options.config_digest})")
    return DONE


def _send_signal(text: str) -> None:
    """`reload=4711`, or `reload=/run/isthmus.pid`."""
    name, _, target = text.partition("=")
    if name not in _SIGNALS:
        raise UsageError(f'unknown signal "{name}"; known are {", ".join(_SIGNALS)}')
    if not target:
        raise UsageError(f"name the process: --signal {name}=<pid>, or {name}=<pid file>")
    digits = target
    if not target.isdecimal():
        try:
            digits = Path(target).read_text(encoding="ascii", errors="replace").strip()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"open {target}: {reason}") from None
    if not digits.isdecimal() or not 0 < int(digits) < 2**31:
        raise UsageError(f"{target} does not hold a process id")
    try:
        os.kill(int(digits), _SIGNALS[name])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f'signal "{name}" {digits}: {reason}') from None


def _usage() -> str:
    lines = [f"Usage: {PROGRAM} server [options]", ""]
    for title, flags in FLAGS.items():
        if title:
            lines += [f"{title} options:", *(_help_line(f) for f in flags if not f.missing), ""]
    lines.append("A flag has one dash or two; -x v and -x=v are the same. Flags win over the file.")
    return "\n".join(lines)


def _help_line(flag: Flag) -> str:
    names = ", ".join(
        ("-" if len(name) <= 2 or name.isupper() else "--") + name for name in flag.names
    )
    head = f"{names} <{flag.value}>" if flag.value else names
    return f"  {head:<38} {flag.about}"


def _version() -> str:
    from importlib.metadata import version

    return version("isthmus")


def _complain(text: str) -> None:
    sys.stderr.write(f"{PROGRAM}: {text}\n")
