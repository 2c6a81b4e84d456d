"""What works of a share, seen by the taker: the steps of each kind of share, tried one by one.

A probe returns the steps that worked; it raises `ConnectionError` if the server does not let people
in or throws them out, and then nothing works. It waits long for a step that must work and briefly
for one that must not: a slow machine makes nothing pass that is broken.
"""

import json
from collections.abc import Callable, Collection

from sharing.catalogue.lab import BRIEF_S, PATIENT_S, Lab, LoginError, UserClient, is_status
from sharing.catalogue.world import CONSUMER, GIVER, INFO, NEXT, TAKER, World, local
from support.raw import Message

Probe = Callable[[Lab, World, Collection[str]], set[str]]


class Steps:
    """Tries steps by name; `broken` are those nobody expects to work."""

    def __init__(self, client: UserClient, broken: Collection[str]) -> None:
        self.client = client
        self.worked: set[str] = set()
        self._broken = broken

    def patience_s(self, step: str) -> float:
        return BRIEF_S if step in self._broken else PATIENT_S

    def ask(self, step: str, subject: str, payload: bytes = b"", *, count: int = 1) -> list:
        return self.client.answers(subject, payload, count=count, wait_s=self.patience_s(step))

    def pull(self, step: str, subject: str, count: int) -> list[Message]:
        """Messages of one pull; the step worked if it brought `count`."""
        asked = json.dumps({"batch": count, "no_wait": True}).encode()
        found = [m for m in self.ask(step, subject, asked, count=count) if not is_status(m)]
        if len(found) == count:
            self.worked.add(step)
        return found

    def info(self, subject: str) -> None:
        """The consumer's state, as the API tells it."""
        answers = self.ask("info", subject)
        if answers and b'"config"' in answers[0].payload:
            self.worked.add("info")

    def acknowledge(self, reply: str) -> None:
        """Acknowledge and ask for the confirmation, which is empty."""
        answers = self.ask("ack", reply, b"+ACK")
        if answers and not is_status(answers[0]) and not answers[0].payload:
            self.worked.add("ack")


def pull_from(*, taker: str = TAKER, prefix: str = "ACCTC.API", consumer: str = CONSUMER) -> Probe:
    """Steps: info, pull, batch, ack."""

    def probe(lab: Lab, world: World, broken: Collection[str]) -> set[str]:
        subject = local(NEXT, prefix).replace(CONSUMER, consumer)
        with lab.client(world, taker) as client:
            steps = Steps(client, broken)
            steps.info(local(INFO, prefix).replace(CONSUMER, consumer))
            found = steps.pull("pull", subject, 1)
            found += steps.pull("batch", subject, 2)
            reply = found[0].reply if found else _pulled_by_giver(lab, world, consumer)
            if reply:
                steps.acknowledge(reply)
        return steps.worked

    return probe


def _pulled_by_giver(lab: Lab, world: World, consumer: str) -> str:
    """Where the next message is acknowledged; empty if even its owner gets none."""
    try:
        client = lab.client(world, GIVER)
    except LoginError:
        return ""
    with client:
        subject = NEXT.replace(CONSUMER, consumer)
        answers = client.answers(subject, b'{"batch":1,"no_wait":true}', count=1, wait_s=BRIEF_S)
    return answers[0].reply if answers and not is_status(answers[0]) else ""


def pushed_to(subject: str, *, publish: str, info: str = "", group: str = "") -> Probe:
    """Steps: feed (a message arrives at the taker), ack, and info if there is a subject for it."""

    def probe(lab: Lab, world: World, broken: Collection[str]) -> set[str]:
        with lab.client(world, TAKER) as client:
            steps = Steps(client, broken)
            if info:
                steps.info(info)
            client.subscribe(subject, group)
            lab.publish(world, publish, 1)
            message = client.message(steps.patience_s("feed"))
            if message is not None:
                steps.worked.add("feed")
                steps.acknowledge(message.reply)
        return steps.worked

    return probe


def fed_from(publish: str, subject: str, *, giver: str = GIVER) -> Probe:
    """Step: feed, a plain message of the giver arrives at the taker."""

    def probe(lab: Lab, world: World, broken: Collection[str]) -> set[str]:
        with lab.client(world, TAKER) as client, lab.client(world, giver) as other:
            steps = Steps(client, broken)
            client.subscribe(subject)
            other.publish(publish, b"news")
            other.settle()
            if client.message(steps.patience_s("feed")) is not None:
                steps.worked.add("feed")
        return steps.worked

    return probe


def served_by(
    subject: str, here: str, *, replies: int = 1, giver: str = GIVER, taker: str = TAKER
) -> Probe:
    """Steps: reply, and with several `replies` also replies (all of them arrive)."""

    def probe(lab: Lab, world: World, broken: Collection[str]) -> set[str]:
        with lab.client(world, taker) as client, lab.client(world, giver) as other:
            steps = Steps(client, broken)
            other.subscribe(subject)
            client.send(b"UNSUB 1\r\nSUB _INBOX.served 1\r\n")
            client.publish(here, b"ask", reply="_INBOX.served")
            client.settle()
            asked = other.message(steps.patience_s("reply"))
            if asked is not None and asked.reply:
                for number in range(replies):
                    other.publish(asked.reply, b"%d" % number)
                other.settle()
                steps.worked |= _received(steps, replies)
        return steps.worked

    return probe


def _received(steps: Steps, replies: int) -> set[str]:
    first = steps.client.message(steps.patience_s("reply"))
    if first is None or is_status(first):
        return set()
    more = [steps.client.message(steps.patience_s("replies")) for _ in range(replies - 1)]
    return {"reply"} | ({"replies"} if more and None not in more else set())


def bucket(prefix: str, *, writing: bool = False) -> Probe:
    """Steps: get (a key is read), and with `writing` put (a key is written, and acknowledged)."""

    def probe(lab: Lab, world: World, broken: Collection[str]) -> set[str]:
        with lab.client(world, TAKER) as client:
            steps = Steps(client, broken)
            answers = steps.ask("get", f"{prefix}.DIRECT.GET.KV_CONFIG.$KV.CONFIG.colour")
            if answers and answers[0].payload == b"blue":
                steps.worked.add("get")
            if writing:
                answers = steps.ask("put", "$KV.CONFIG.size", b"7")
                if answers and b'"stream":"KV_CONFIG"' in answers[0].payload:
                    steps.worked.add("put")
        return steps.worked

    return probe
