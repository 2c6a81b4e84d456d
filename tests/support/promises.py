"""A client of a store in memory that remembers what it was promised; and how to look afterwards.

`Promises` speaks to a `FaultWorld` (JetStream over `MemoryDisk`, small segments and blocks) through
its API and writes a `StreamLedger` per stream. Whatever is not answered is no promise. `problems`
says what a world that was opened after a crash has wrongly.
"""

import itertools
import json

from isthmus.store.recover import Options
from support.jetstream import StoreWorld
from support.ledger import StreamLedger

# a block holds a few messages, a segment a few blocks, and a checkpoint comes soon
TINY = Options(segment_bytes=8192, block_bytes=1024, checkpoint_bytes=12_288, cache_bytes=2048)
SECOND_NS = 1_000_000_000


class FaultWorld(StoreWorld):
    """A server's JetStream over a disk that may fail."""

    options = TINY


class Promises:
    """One client, and what it was told; `world` may be replaced by the next process."""

    def __init__(self, world: FaultWorld) -> None:
        self.streams: dict[str, StreamLedger] = {}
        self.ended: set[str] = set()  # deletion confirmed
        self.perhaps_ended: set[str] = set()
        self.secrets: list[bytes] = []  # erased, and that confirmed
        self._numbers = itertools.count()
        self.meet(world)

    def meet(self, world: FaultWorld) -> None:
        """Speak to this one from now on."""
        self.world = world
        self.client = world.client()

    # --- requests: what is not answered, or refused, is None ---

    def ask(self, verb, body=b""):
        """The answer to an API request, after the disk did what it had to."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        heard = self.client.request(f"$JS.API.{verb}", payload)
        self.world.drain()
        heard += self.client.messages()
        answers = [json.loads(body) for *_, body in heard if body.startswith(b'{"type"')]
        return answers[0] if answers and "error" not in answers[0] else None

    def create(self, name, **config):
        """A file stream."""
        body = {"name": name, "storage": "file", "num_replicas": 1} | config
        if self.ask(f"STREAM.CREATE.{name}", body) is None:
            return False
        self.streams[name] = StreamLedger()
        return True

    def publish(self, name, *subjects, size=40, header=b"", drain=True):
        """Messages, all under way at once."""
        ledger = self.streams.get(name) or StreamLedger()
        sent = []
        heard = []
        for subject in subjects:
            number = next(self._numbers)
            payload = (b"<%d>" % number).ljust(size, b".")
            message = (subject, header, payload)
            ledger.tried[payload] = message
            heard += self.client.publish(subject, payload, reply=f"_INBOX.p{number}", header=header)
            sent.append((f"_INBOX.p{number}", message))
        if drain:
            self.world.drain()
        heard += self.client.messages()
        answers = {inbox: body for inbox, _, _, body in heard if body}
        seqs = []
        for inbox, message in sent:
            answer = json.loads(answers.get(inbox, b"{}"))
            if answer.get("seq") and not answer.get("duplicate") and "error" not in answer:
                ledger.stored(answer["seq"], message)
                seqs.append(answer["seq"])
        return seqs

    def there(self, name):
        """Sequences that were acknowledged and not asked to go."""
        ledger = self.streams.get(name) or StreamLedger()
        return sorted(set(ledger.acked) - ledger.gone - ledger.perhaps_gone)

    def delete(self, name, *seqs, erase=False):
        """Single messages."""
        for seq in seqs:
            ledger = self.streams[name]
            ledger.removing([seq])
            if self.ask(f"STREAM.MSG.DELETE.{name}", {"seq": seq, "no_erase": not erase}):
                ledger.removed([seq])
                if erase:
                    self.secrets.append(ledger.acked[seq][2])

    def purge(self, name, pattern="", *, seq=0, keep=0):
        """Messages of a stream; `pattern` is a literal subject."""
        if name not in self.streams:
            return
        ledger = self.streams[name]
        going = [one for one in self.there(name) if pattern in {"", ledger.acked[one][0]}]
        if keep:
            going = going[:-keep]
        if seq:
            going = [one for one in going if one < seq]
        ledger.removing(going)
        body = (
            {"filter": pattern} | ({"seq": seq} if seq else {}) | ({"keep": keep} if keep else {})
        )
        if self.ask(f"STREAM.PURGE.{name}", body):
            ledger.removed(going)

    def take(self, name, consumer, count, body=b"+ACK", *, removes=False):
        """Pull and acknowledge twice; confirmed ones must not come back."""
        pull = b'{"batch":%d,"no_wait":true}' % count
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{name}.{consumer}"
        heard = self.client.publish(subject, pull, reply="_INBOX.pull")
        self.world.drain()
        heard += self.client.messages()
        for _, reply, _, _ in heard:
            if reply.startswith("$JS.ACK."):
                self._acknowledge(name, reply, body, removes)

    def _acknowledge(self, name, reply, body, removes):
        ledger = self.streams[name]
        seq = int(reply.split(".")[5])
        assert seq not in ledger.taken, f"{seq} was acknowledged, and came again"
        if removes:
            ledger.removing([seq])
        self.client.publish(reply, body, reply="_INBOX.acked")
        self.world.drain()
        if any(name == "_INBOX.acked" for name, *_ in self.client.messages()):
            ledger.taken.add(seq)
            if removes:
                ledger.removed([seq])

    def end(self, name):
        """Delete a stream."""
        if name not in self.streams:
            return
        self.perhaps_ended.add(name)
        if self.ask(f"STREAM.DELETE.{name}"):
            self.ended.add(name)
            del self.streams[name]
            self.perhaps_ended.discard(name)

    def checkpoint(self):
        """Everything that is in the journal goes into blocks, if the disk lets it."""
        self.world.store.finish(self.world.begin())
        self.world.finish()
        self.world.drain()

    # --- afterwards ---

    def problems(self, world: FaultWorld) -> list[str]:
        """What `world`, opened after an end, does not have or has wrongly."""
        out = []
        streams = world.jetstream().streams
        for name, ledger in self.streams.items():
            if name not in streams:
                if name not in self.perhaps_ended:
                    out.append(f"stream {name} is missing")
                continue
            found, state = contents(world, name)
            out += [f"{name}: {text}" for text in ledger.problems(found, state)]
        out += [
            f"stream {name} is back" for name in self.ended - set(self.streams) if name in streams
        ]
        for path, raw in world.disk.files().items():
            out += [
                f"{path} holds {text}, which was erased" for text in self.secrets if text in raw
            ]
        return out


def contents(world, name):
    """`(messages by sequence, STREAM.INFO's state)` of a stream."""
    log = world.jetstream().streams[name].stored.log
    found = {}
    seq = log.next_seq(0)
    while seq:
        entry = log.get(seq)
        found[seq] = (
            (entry.subject.decode(), entry.header, entry.payload)
            if entry is not None
            else ("cannot be read", b"", b"")
        )
        seq = log.next_seq(seq + 1)
    client = world.client()
    heard = client.request(f"$JS.API.STREAM.INFO.{name}", b'{"deleted_details":true}')
    world.drain()
    [(_, _, _, answer)] = heard + client.messages()
    state = json.loads(answer)["state"]
    missing = set(range(max(state["first_seq"], 1), state["last_seq"] + 1)) - set(found)
    assert set(state.get("deleted", [])) == missing, state
    return found, state
