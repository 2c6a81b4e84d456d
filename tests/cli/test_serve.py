"""`isthmus server`: flags and configuration to options, and what is done instead of serving."""

import os
import signal
import subprocess
import sys

import pytest

from isthmus.cli.serve import FLAGS, run
from isthmus.config import Options
from isthmus.config.options import JetStreamOptions
from support.servers import command


class RecordingServe:
    """Stands where the server would run."""

    def __init__(self):
        self.options = None
        self.read_again = None

    def __call__(self, options, *, read_again):
        self.options, self.read_again = options, read_again
        return 0


def served(*args, environment=()):
    serve = RecordingServe()
    assert run(args, dict(environment), serve) == 0
    return serve.options


def refused(capsys, *args):
    """Exit code and the one line."""
    code = run(args, {}, RecordingServe())
    out, err = capsys.readouterr()
    assert out == ""
    return code, err


@pytest.fixture
def conf(tmp_path):
    def write(text):
        file = tmp_path / "s.conf"
        file.write_text(text)
        return str(file)

    return write


def test_without_flags_a_server_has_its_defaults():
    assert served() == Options()


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("-a 127.0.0.1", "host", "127.0.0.1"),
        ("--addr 127.0.0.1", "host", "127.0.0.1"),
        ("--net=127.0.0.1", "host", "127.0.0.1"),
        ("-p 4333", "port", 4333),
        ("--port -1", "port", -1),
        ("-p 0", "port", 4222),
        ("-n n1", "server_name", "n1"),
        ("--server_name n1", "server_name", "n1"),
        ("-P f", "pid_file", "f"),
        ("-m 8222", "http_port", 8222),
        ("--client_advertise a:1", "client_advertise", "a:1"),
        ("--ports_file_dir d", "ports_file_dir", "d"),
        ("-l f", "log_file", "f"),
        ("-T=false", "logtime", False),
        ("--logtime_utc", "logtime_utc", True),
        ("-D", "debug", True),
        ("-V", "trace", True),
        ("-VV", "trace_verbose", True),
        ("-VV", "trace", True),
        ("-DV", "debug", True),
        ("-DVV", "trace_verbose", True),
        ("--max_traced_msg_len 5", "max_traced_message", 5),
        ("-js", "jetstream", JetStreamOptions()),
        ("-js -sd d", "jetstream", JetStreamOptions(store_dir="d")),
        ("-sd d", "jetstream", None),
    ],
)
def test_a_flag_sets_its_option(line, field, value):
    assert getattr(served(*line.split()), field) == value


def test_flags_win_over_the_file(conf):
    path = conf("port: 1\nhost: x\ndebug: true\njetstream { store_dir: a, domain: d }")
    options = served("-c", path, "-p", "2", "-D=false", "-sd", "b")
    assert (options.port, options.host, options.debug) == (2, "x", False)
    assert options.jetstream == JetStreamOptions(store_dir="b", domain="d")
    assert served("-c", path, "-js=false").jetstream is None


def test_one_user_or_a_token():
    authorization = served("--user", "u", "--pass", "p").authorization
    assert (authorization.user, authorization.password) == ("u", "p")
    assert served("--auth", "t").authorization.token == "t"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("--pass p", "--pass needs --user"),
        ("--user u --auth t", "Cannot have a user/pass and token"),
        ("-p 70000", "port 70000 is not between 0 and 65535, nor -1"),
        ("--max_traced_msg_len -1", "max_traced_msg_len is not negative"),
    ],
)
def test_values_that_mean_nothing(capsys, line, text):
    code, err = refused(capsys, *line.split())
    assert code == 1
    assert err.startswith(f"isthmus: {text}")


def test_a_user_does_not_go_with_users_of_the_file(capsys, conf):
    path = conf("accounts { A { users: [{user: a}] } }")
    code, err = refused(capsys, "-c", path, "--user", "u")
    assert (code, err.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    "line", ["-s", "-r x", "-ms 1", "--tls", "--routes x", "--profile 1", "--log_size_limit 1"]
)
def test_a_flag_that_is_not_implemented_is_refused_by_name(capsys, line):
    code, err = refused(capsys, *line.split())
    name = line.split()[0].lstrip("-")
    assert code == 1
    assert err.startswith(f"isthmus: flag -{name} is not implemented in isthmus: ")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("--foo", "flag provided but not defined: -foo"),
        ("-p", "flag needs an argument: -p"),
        ("foo", 'unrecognized command: "foo"'),
        ("-D maybe", 'unrecognized command: "maybe"'),
        ("-t", "must specify [-c, --config] option to check configuration file syntax"),
    ],
)
def test_misuse_ends_with_2(capsys, line, text):
    code, err = refused(capsys, *line.split())
    assert code == 2
    assert err == f"isthmus: {text}\nsee: isthmus server --help\n"


@pytest.mark.parametrize("line", ["-v", "--version", "version", "VERSION", "-p 1 version"])
def test_the_version_names_the_release_whose_behaviour_it_is(capsys, line):
    assert run(line.split(), {}) == 0
    assert "nats-server: v2.15.1" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["-h", "--help", "help"])
def test_the_help_lists_every_flag_that_is_implemented(capsys, line):
    assert run(line.split(), {}) == 0
    words = capsys.readouterr().out.replace(",", " ").split()
    shown = {word.lstrip("-") for word in words if word.startswith("-")}
    for group in FLAGS.values():
        for flag in group:
            assert bool(flag.missing) != shown.issuperset(flag.names)


def test_a_configuration_is_checked(capsys, conf):
    path = conf("port: 4222")
    assert run(["-t", "-c", path], {}) == 0
    assert capsys.readouterr().err.startswith(
        f"isthmus: configuration file {path} is valid (sha256:"
    )


def test_a_check_takes_warnings_for_errors(capsys, conf):
    code, err = refused(capsys, "-t", "-c", conf("ping_interval: 5"))
    assert code == 1
    assert "should be converted to a duration" in err


def test_a_start_shows_warnings_and_goes_on(capsys, conf):
    assert served("-c", conf("ping_interval: 5")).ping_interval_ns == 5_000_000_000
    assert "should be converted to a duration" in capsys.readouterr().err


def test_a_missing_file_is_named(capsys):
    assert refused(capsys, "-c", "nope.conf") == (
        1,
        "isthmus: open nope.conf: no such file or directory\n",
    )


def test_the_environment_fills_variables(conf):
    assert served("-c", conf("port: $PORT"), environment={"PORT": "4333"}).port == 4333


def test_a_reload_reads_the_file_again_and_keeps_the_flags(conf):
    path = conf("port: 1\nmax_connections: 5")
    serve = RecordingServe()
    run(["-c", path, "-p", "2"], {}, serve)
    conf("port: 1\nmax_connections: 6")
    options = serve.read_again()
    assert (options.port, options.max_connections) == (2, 6)


def test_without_a_file_nothing_can_be_read_again():
    serve = RecordingServe()
    run([], {}, serve)
    assert serve.read_again is None


@pytest.mark.parametrize(("name", "number"), [("term", signal.SIGTERM), ("stop", signal.SIGKILL)])
@pytest.mark.parametrize("by_file", [False, True])
def test_a_signal_is_sent_to_a_process_or_a_pid_file(tmp_path, name, number, by_file):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    target = str(process.pid)
    if by_file:
        (tmp_path / "f.pid").write_text(target)
        target = str(tmp_path / "f.pid")
    assert run(["--signal", f"{name}={target}"], {}) == 0
    assert process.wait(10) == -number


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("foo=1", 'unknown signal "foo"'),
        ("reload", "name the process"),
        ("reload=", "name the process"),
        ("reload=nope.pid", "open nope.pid: no such file or directory"),
        ("reload=0", "0 does not hold a process id"),
        ("reload=-1", "open -1: no such file or directory"),
        (f"reload={2**31 - 1}", 'signal "reload" 2147483647: no such process'),
    ],
)
def test_a_signal_needs_a_process(capsys, text, error):
    code, err = refused(capsys, "-sl", text)
    assert code == 1
    assert err.startswith(f"isthmus: {error}")


@pytest.mark.real
@pytest.mark.oracle
@pytest.mark.parametrize("line", ["--foo", "-p", "-p abc", "-D=maybe", "---p 3", "-p="])
def test_the_words_of_misuse_are_the_real_ones(kind, line):
    args = [*command(kind), *line.split()]
    done = subprocess.run(
        args, capture_output=True, text=True, timeout=60, env=os.environ, check=False
    )
    first = done.stderr.splitlines()[0].removeprefix("isthmus: ")
    expected = {
        "--foo": "flag provided but not defined: -foo",
        "-p": "flag needs an argument: -p",
        "-p abc": 'invalid value "abc" for flag -p: parse error',
        "-D=maybe": 'invalid boolean value "maybe" for -D: parse error',
        "---p 3": "bad flag syntax: ---p",
        "-p=": 'invalid value "" for flag -p: parse error',
    }
    assert first == expected[line]


def test_the_command_line_loads_no_server_for_a_check(tmp_path):
    (tmp_path / "s.conf").write_text("port: 4222")
    code = (
        "import sys; from isthmus.cli.serve import run; run(['-t', '-c', 's.conf'], {});"
        "print([name for name in ('asyncio', 'isthmus.core', 'click') if name in sys.modules])"
    )
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
