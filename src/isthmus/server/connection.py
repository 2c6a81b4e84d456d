"""One client connection: its operations, its timers, its end.

The owner of a compiled `Client`, `Parser` and `Outbound`: it is told of everything that is rare.
Knows its server only as a `Host` (`host.py`); whose the connection is finds its `Admission` out.
Invariant: once `closed`, no timer is set and nothing is read.

    connected ── INFO ──► waiting for CONNECT ── admit ──► open ── close(reason) ──► closed
                              │ an Admission may take its time: the parser holds
"""

from __future__ import annotations

import asyncio
import os
from typing import cast

from msgspec.structs import replace

from isthmus.accounts.account import Account
from isthmus.accounts.authenticate import User
from isthmus.base import constants, subjects
from isthmus.base.errors import ProtocolError
from isthmus.base.handshake import ConnectInfo, ServerInfo, parse_connect
from isthmus.base.values import NS_PER_S
from isthmus.core.client import Client
from isthmus.core.outbound import Outbound
from isthmus.core.parser import Parser
from isthmus.core.turn import Turn
from isthmus.server.admission import Admission
from isthmus.server.host import Host, TurnOf
from isthmus.server.introduction import introduction

SUBSCRIBE_SLICE = 500  # SUBs looked at in one call: each is some microseconds of Python
STALLED_REST_S = 0.005  # a producer of a receiver that is over 75 % full rests so long


class Connection(asyncio.BufferedProtocol):
    """A client over any transport that asyncio knows."""

    def __init__(self, host: Host, cid: int, nonce: str) -> None:
        self.host = host
        self.cid = cid
        self.nonce = nonce
        self.outbound = Outbound(self, host.options.max_pending)
        self.client = Client(self, cid, self.outbound)
        self.parser = Parser(self.client, self, host.read_buffer, host.options.max_control_line)
        self.connect_info = ConnectInfo()
        self.user: User | None = None
        self.account: Account | None = None
        self.address = ("", 0)
        self.started_ns = host.wall_ns()
        self.active_ns = self.started_ns
        self.rtt_ns = 0
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._unanswered = 0
        self._ping_sent_ns = 0
        self._greeted = False
        self._subscribed = 0
        self._admission: Admission | None = None

    # --- asyncio's side ---

    def connection_made(self, base: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by behaviour, not by base class
        transport = cast("asyncio.Transport", base)
        self._transport = transport
        peer = transport.get_extra_info("peername") or ("in-process", 0)
        self.address = (str(peer[0]), int(peer[1]))
        sock = transport.get_extra_info("socket")
        encrypted = transport.get_extra_info("ssl_object") is not None
        self.outbound.attach(transport, -1 if sock is None or encrypted else sock.fileno())
        transport.set_write_buffer_limits(high=0)
        with TurnOf(self.host) as turn:
            admitted = self.host.connected(self)
            info = self.host.make_info(self)
            self.client.send(info.line(), turn)
            if not admitted:
                self.end(turn, "maximum connections exceeded", "Maximum Connections Exceeded")
                return
        if info.auth_required or self.host.options.no_auth_user:
            timeout_s = self.host.options.authorization.timeout_ns / NS_PER_S
            self._arm("authentication", timeout_s, self._authentication_timeout)
        else:
            self._arm_first_ping()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.parser.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        host = self.host
        turn = host.begin_turn()
        try:
            self.parser.read(nbytes, turn)
            if turn.stalled:
                self._rest()
        except ProtocolError as error:
            self.end(turn, error.text, error.reason)
        except Exception as error:  # noqa: BLE001 — the outermost loop of a connection
            host.log_error(self, f"internal error: {error!r}")
            self.end(turn, "", "Internal Client")
        finally:
            host.finish_turn()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed("Client Closed" if exc is None else "Read Error")

    def pause_writing(self) -> None:
        self.outbound.pause()
        if not self.closed:
            deadline_s = self.host.options.write_deadline_ns / NS_PER_S
            self._arm("write", deadline_s, self._write_deadline)

    def resume_writing(self) -> None:
        self._disarm("write")
        if not self.closed:
            with TurnOf(self.host) as turn:
                self.outbound.resume(turn)

    # --- the parser's side ---

    def connect(self, text: bytes) -> None:
        """CONNECT: who is it. A second one starts over, possibly in another account."""
        connect = parse_connect(text)
        if connect.account or connect.new_account:
            raise ProtocolError("Authorization Violation", reason="Authentication Failure")
        if connect.protocol not in (0, 1):
            raise ProtocolError("invalid client protocol", reason="Bad Client Protocol Version")
        if connect.no_responders and not connect.headers:
            raise ProtocolError(
                "no responders requires headers support", reason="No Responders Requires Headers"
            )
        if self.account is not None and self.client.leave():
            self._admission = Admission(self, connect)
            self._admission.begin_anew()
            return
        self.connect_info = connect
        self._admission = Admission(self, connect)
        self._admission.begin()

    def first_operation(self) -> None:
        """Anything before CONNECT: only where nobody needs to say who they are."""
        unsaid = ConnectInfo(verbose=False, pedantic=False)
        self._admission = Admission(self, unsaid, said=False)
        self._admission.begin()

    def subscribe(self, subject: bytes, queue: bytes, sid: bytes) -> None:
        """SUB."""
        turn = self.host.turn
        text = subject.decode("utf-8", "replace")
        name = queue.decode("utf-8", "replace")
        if not subjects.valid(text):
            self.client.send(b"-ERR 'Invalid Subject'\r\n", turn)
            return
        if self.client.subscriptions_max >= 0 and (
            self.client.subscription_count >= self.client.subscriptions_max
        ):
            self.client.send(b"-ERR 'maximum subscriptions exceeded'\r\n", turn)
            return
        tokens_max = self.host.options.max_subscription_tokens
        if tokens_max and text.count(".") >= tokens_max:
            text = f'Permissions Violation for Subscription to "{text}", too many tokens'
            self._violation(text)
            return
        assert self.user is not None
        permissions = self.user.permissions
        if not permissions.may_subscribe(text, name) or name == "_sys_":
            using = f' using queue "{name}"' if name else ""
            self._violation(f'Permissions Violation for Subscription to "{text}"{using}')
            return
        self.client.subscribe(subject, queue, sid, permissions.hidden_from(text, name))
        self._subscribed += 1
        if self._subscribed % SUBSCRIBE_SLICE == 0:  # a read holds ten thousand of them
            self.pause()
            self.host.loop.call_soon(self._read_on)
        if self.client.verbose:
            self.client.send(b"+OK\r\n", turn)

    def unsubscribe(self, sid: bytes, most: int) -> None:
        """UNSUB."""
        self.client.unsubscribe(sid, most)
        if self.client.verbose:
            self.client.send(b"+OK\r\n", self.host.turn)

    def ping(self) -> None:
        """PING was answered; the first one also brings the INFO of this connection."""
        self.active_ns = self.host.turn.now_ns
        if not self._greeted and self.account is not None:
            self._greeted = True
            if self.connect_info.protocol >= 1:
                self.client.send(self.host.make_info(self).line(), self.host.turn)

    def pong(self) -> None:
        """The answer to our PING: how far away is it."""
        self._unanswered = 0
        if self._ping_sent_ns:
            self.rtt_ns = max(self.host.wall_ns() - self._ping_sent_ns, 1)
            self._ping_sent_ns = 0
            self._describe()

    def peer_error(self, text: bytes) -> None:
        """-ERR from a client ends the connection."""
        raise ProtocolError("", reason="Client Closed")

    def violation(self, kind: str, subject: bytes) -> None:
        """A publication that is not allowed."""
        text = subject.decode("utf-8", "replace")
        if kind == "reply":
            self._violation(f'Permissions Violation for Publish with Reply of "{text}"')
        else:
            self._violation(f'Permissions Violation for Publish to "{text}"')

    def invalid_publish_subject(self) -> None:
        """Pedantic clients are told; the message goes its way all the same."""
        self.client.send(b"-ERR 'Invalid Publish Subject'\r\n", self.host.turn)

    def slow_consumer(self, pending: int) -> None:
        """The connection does not take what it subscribed to: cut without a word."""
        self.host.log_error(
            self, f"Slow Consumer Detected: MaxPending of {self.outbound.pending_max} Exceeded"
        )
        self.host.loop.call_soon(self.abort, "Slow Consumer (Pending Bytes)")

    def write_failed(self, errno: int) -> None:
        """The socket is gone."""
        self.host.loop.call_soon(self.abort, "Write Error")

    # --- the server's side ---

    def pause(self) -> None:
        """Something takes its time: nothing behind it is looked at."""
        self.parser.hold()
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on(self, turn: Turn) -> None:
        """Look at what came behind it."""
        self.parser.resume(turn)
        if self._transport is not None:
            self._transport.resume_reading()

    def close(self, text: str, reason: str) -> None:
        """`end` in a turn of its own."""
        if not self.closed:
            with TurnOf(self.host) as turn:
                self.end(turn, text, reason)

    def end(self, turn: Turn, text: str, reason: str) -> None:
        """Say why (`-ERR 'text'` unless empty), send what waits, close."""
        if self.closed:
            return
        if text:
            self.client.send(f"-ERR '{text}'\r\n".encode(), turn)
        self.outbound.flush(turn)
        transport = self._transport
        self._closed(reason)
        if transport is not None:
            transport.close()

    def abort(self, reason: str) -> None:
        """End the connection at once; what waits is dropped."""
        transport = self._transport
        if not self.closed:
            self._closed(reason)
        if transport is not None:
            transport.abort()

    def send_info(self, info: ServerInfo) -> None:
        """An INFO outside the handshake (lame duck)."""
        if not self.closed and self.connect_info.protocol >= 1:
            with TurnOf(self.host) as turn:
                self.client.send(info.line(), turn)

    def admit(self, user: User) -> None:
        """The client is who it says: it belongs to its account from now on."""
        host = self.host
        self._admission = None
        account = host.join(self, user)
        connect = self.connect_info
        self.user = user
        self.account = account
        self.client.configure(
            echo=connect.echo,
            verbose=connect.verbose,
            pedantic=connect.pedantic,
            headers=connect.headers and not host.options.no_header_support,
            no_responders=connect.no_responders,
        )
        self._apply(user, account)
        self._disarm("authentication")
        self.rtt_ns = max(host.wall_ns() - self.started_ns, 1)
        self._describe()
        self._arm_first_ping()
        host.joined(self)

    def subscriptions_bound(self) -> int:
        """The strictest bound of server, account and user; -1: none."""
        assert self.user is not None
        assert self.account is not None
        return self._bound(
            self.host.options.max_subscriptions or -1,
            self.account.spec.limits.subscriptions,
            self.user.subscriptions_max,
        )

    def expired(self, now_ns: int) -> bool:
        """True if its user's time is over (who said CONNECT again may be another user by now)."""
        return self.user is not None and 0 < self.user.expires_ns <= now_ns

    def refresh(self) -> None:
        """The account changed: its limits, and what it allows those without permissions."""
        user, account = self.user, self.account
        assert user is not None
        assert account is not None
        if user.has_default_permissions:
            self.user = user = replace(user, permissions=account.spec.default_permissions)
        self._apply(user, account)

    # --- inside ---

    def _apply(self, user: User, account: Account) -> None:
        self.client.admit(
            account.core,
            publish_permits=user.permissions.publish_permits(),
            payload_max=self._bound(
                self.host.options.max_payload, account.spec.limits.payload, user.payload_max
            ),
            subscriptions_max=self.subscriptions_bound(),
        )

    @staticmethod
    def _bound(*limits: int) -> int:
        return min((limit for limit in limits if limit >= 0), default=-1)

    def _read_on(self) -> None:
        """Go on after a slice of subscriptions."""
        if not self.closed:
            with TurnOf(self.host) as turn:
                self.go_on(turn)

    def _violation(self, text: str) -> None:
        self.host.log_error(self, text.replace("Permissions Violation for ", "Violation: "))
        self.client.send(f"-ERR '{text}'\r\n".encode(), self.host.turn)

    def _describe(self) -> None:
        self.client.describe(*introduction(self))

    def _rest(self) -> None:
        """Somebody this client publishes to is nearly full: read on a little later."""
        transport = self._transport
        if transport is not None and not self.closed and transport.is_reading():
            transport.pause_reading()
            self._arm("rest", STALLED_REST_S, self._rested)

    def _rested(self) -> None:
        if self._transport is not None and not self.closed and not self.parser.holding:
            self._transport.resume_reading()

    # --- timers ---

    def _arm(self, name: str, delay_s: float, action: object) -> None:
        self._disarm(name)
        self._timers[name] = self.host.loop.call_later(delay_s, action)  # type: ignore[arg-type]

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _authentication_timeout(self) -> None:
        if self.account is None:
            self.close("Authentication Timeout", "Authentication Timeout")

    def _write_deadline(self) -> None:
        deadline_s = self.host.options.write_deadline_ns / NS_PER_S
        self.host.log_error(
            self,
            f"Slow Consumer Detected: WriteDeadline of {deadline_s:g}s exceeded with 1 chunks of "
            f"{self.outbound.pending} total bytes.",
        )
        self.abort("Slow Consumer (Write Deadline)")

    def _arm_first_ping(self) -> None:
        interval_s = self.host.options.ping_interval_ns / NS_PER_S
        jitter_s = _chance() * min(0.2 * interval_s, 0.4)
        self._arm_ping(constants.FIRST_PING_NS / NS_PER_S + jitter_s)

    def _arm_ping(self, delay_s: float) -> None:
        self._arm("ping", delay_s, self._ping)

    def _ping(self) -> None:
        if self._unanswered >= self.host.options.ping_max:
            self.close("Stale Connection", "Stale Connection")
            return
        self._unanswered += 1
        with TurnOf(self.host) as turn:
            self._ping_sent_ns = self.host.wall_ns()
            self.client.send(b"PING\r\n", turn)
        self._arm_ping(self.host.options.ping_interval_ns / NS_PER_S)

    # --- the end ---

    def _closed(self, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        for name in list(self._timers):
            self._disarm(name)
        if self._admission is not None:
            self._admission.cancel()
            self._admission = None
        self.parser.end()
        with TurnOf(self.host):
            self.host.disconnected(self, reason)
            if self.client.close():
                self.host.in_slices(self.client.leave)
        self._transport = None


def _chance() -> float:
    """From 0 to 1."""
    return int.from_bytes(os.urandom(2)) / 0xFFFF
