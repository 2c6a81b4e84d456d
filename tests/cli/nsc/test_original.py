"""Our nsc beside the original: the same lines, the same answers; either reads the other's files.

Skipped unless ISTHMUS_ORIGINAL_NSC names the original's binary.
"""

import json
import shutil
from pathlib import Path

import pytest

from cli.nsc.original import ORIGINAL, OURS, Tool

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.slow,
    pytest.mark.skipif(not ORIGINAL, reason="ISTHMUS_ORIGINAL_NSC names no original nsc"),
]
LINES = Path(__file__).with_name("original_lines.txt").read_text().splitlines()
BUILD = """\
add operator -n O --generate-signing-key --sys
edit operator --service-url nats://127.0.0.1:4222 --account-jwt-server-url nats://127.0.0.1:4222
add account C
edit account C --js-mem-storage -1 --js-disk-storage 10G --js-streams -1 --sk generate --tag t
add user -a C -n u --allow-pub a.> --deny-sub b --allow-pub-response=2 --response-ttl 5s --tag x
add account B
add export -a C -n next -s $JS.API.CONSUMER.MSG.NEXT.S.C --service --private --response-type Stream
add export -a C -n ev -s ev.>
add export -a C -n help -s help.* --service --latency lat --sampling 50 --response-threshold 5s
generate activation -a C -t B -s $JS.API.CONSUMER.MSG.NEXT.S.C -o next.tok --expiry 1y
add import -a B --token next.tok --local-subject C.API.CONSUMER.MSG.NEXT.S.C
add import -a B --src-account C --remote-subject ev.x.> --local-subject in.>
add user -a B -n v
revocations add-activation -a C -s $JS.API.CONSUMER.MSG.NEXT.S.C --service -t B --at 1700000000
revocations add-user -a C -n u --at 1700000000
revocations add-user -a C -u * --at 1600000000
add mapping -a C -f a -t b --weight 60
add mapping -a C -f a -t c --weight 40
edit signing-key -a C --sk generate --role r --allow-pub q.{{name()}} --deny-sub s --bearer --subs 5
add user -a C -n scoped -K r --tag team:red
edit export -a C -s ev.> --name events --description what --info-url http://example.org
edit authcallout -a B --auth-user UAYM3H6BGT73XCA6XFFWS3NA5QHU6V6RMLGI6KOZQHPZSYMYMLUQ4HS7
edit authcallout -a B --curve generate
add user -a B -n gone
delete user -a B gone --revoke --rm-nkey --rm-creds
add account D
delete account D
reissue operator --convert-to-signing-key
"""
READ = """\
describe operator
describe operator --json
describe account C
describe account C --json
describe account B
describe account B --json
describe account SYS
describe user -a C u
describe user -a C u --json
describe user -a SYS sys
describe jwt -f next.tok
describe account B --field nats.imports[0]
validate -A
list accounts
list users -a C
list keys -A
list keys -A -S
revocations list-activations -a C -s $JS.API.CONSUMER.MSG.NEXT.S.C --service
describe user -a C scoped
describe user -a C scoped --json
generate config --mem-resolver
generate creds -a C -n u
"""


@pytest.fixture
def tools(tmp_path):
    return Tool([ORIGINAL], tmp_path / "original"), Tool(OURS, tmp_path / "ours")


@pytest.mark.timeout(900)
def test_the_same_lines_give_the_same_answers(tools):
    original, ours = tools
    for line in LINES:
        if line and not line.startswith("#"):
            assert ours.run(line) == original.run(line), line


def raw(tool: Tool, line: str) -> tuple[bool, str, str]:
    """What a tool prints, byte for byte."""
    tool.normalised = lambda text: text  # keys and times are those of one store
    return tool.run(line)


@pytest.mark.parametrize("builder", ["ours", "original"])
def test_either_tool_reads_what_the_other_wrote(tmp_path, builder):
    commands = {"ours": OURS, "original": [ORIGINAL]}
    maker = Tool(commands[builder], tmp_path / "made")
    for line in BUILD.splitlines():
        failed, out, err = maker.run(line)
        assert not failed, (line, out, err)
    answers = {}
    for name, command in commands.items():
        reader = Tool(command, tmp_path / name)
        shutil.rmtree(reader.home)
        shutil.rmtree(reader.cwd)
        shutil.copytree(maker.home, reader.home, symlinks=True)
        shutil.copytree(maker.cwd, reader.cwd)
        config = reader.home / ".config/nats/nsc/nsc.json"
        content = json.loads(config.read_text())
        content["store_root"] = str(reader.home / ".local/share/nats/nsc/stores")
        config.write_text(json.dumps(content))
        answers[name] = [raw(reader, line) for line in READ.splitlines()]
    for line, ours, theirs in zip(
        READ.splitlines(), answers["ours"], answers["original"], strict=True
    ):
        assert ours == theirs, line


@pytest.mark.parametrize("first", ["ours", "original"])
def test_either_tool_goes_on_where_the_other_stopped(tmp_path, first):
    order = [OURS, [ORIGINAL]] if first == "ours" else [[ORIGINAL], OURS]
    tool = Tool(order[0], tmp_path)
    for number, line in enumerate(BUILD.splitlines()):
        tool.command = order[number % 2]
        failed, out, err = tool.run(line)
        assert not failed, (line, out, err)
    failed, _, err = tool.run("validate -A")
    assert not failed, err
