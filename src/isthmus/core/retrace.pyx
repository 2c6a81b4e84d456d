# cython: boundscheck=False, wraparound=False, cdivision=True
"""A consumer's state from what it journalled: snapshot and steps, applied in order.

The steps change the state by the same functions as when they were first made (`note_…`), so a
cursor after a restart is the cursor before it.

        running     deliver, ack, nak … ─► note_…  ─► state
                                     └─► Steps ─► journal          progress.pxd
        restarted   journal ─► apply ─► note_…  ─► the same state

Owns nothing. Knows no disk: who recovers hands over the payloads. Invariant: a record that is
not whole raises `StoreError`, and a cursor's `snapshot` applied to a fresh one gives its state.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint64_t

from isthmus.core.inventory cimport read_pending
from isthmus.core.ledger cimport Ledger
from isthmus.core.message cimport Span
from isthmus.core.pending cimport Delivery, Pending
from isthmus.core.progress cimport (
    ACKED, ACKED_ALL, DELIVERED, EXTENDED, MOVED, NAKED, PENDING, REDELIVERED, RESET, RUN,
    SPENT_STEP, WAS_SPENT, Step, Steps, read_number,
)

from isthmus.base.errors import StoreError


def apply(Ledger ledger not None, bytes steps not None, int64_t now_ns) -> None:
    """One journalled record, in order, before `resume`. Raises `StoreError` if damaged."""
    cdef const char* at = PyBytes_AS_STRING(steps)
    cdef const char* end = at + len(steps)
    cdef uint64_t[7] values
    cdef int step, wanted, index
    while at < end:
        step = at[0]
        at += 1
        wanted = _numbers_of(step)
        if wanted == 0:
            raise StoreError(f"{ledger!r}: unknown step {step} in a record")
        for index in range(wanted):
            if not read_number(&at, end, &values[index]):
                raise StoreError(f"{ledger!r}: a step is cut short")
        _apply(ledger, step, values, now_ns)


def snapshot(Ledger ledger not None) -> bytes:
    """All of its state as steps, to be applied to a fresh ledger."""
    cdef Steps steps = Steps()
    cdef Span out
    ledger.write_snapshot(steps)
    out = steps.taken()
    return out.data[: out.size]


def require_snapshot(bytes steps not None, uint64_t runs_max) -> int:
    """Refuse what is no snapshot, or one that no cursor can have made: `StoreError`.

    For a state that comes from outside: `apply` believes what it reads. A few bytes must not make
    room for billions, so at most `runs_max` messages may stand in runs; how many do.
    """
    cdef const char* at = PyBytes_AS_STRING(steps)
    cdef const char* end = at + len(steps)
    cdef uint64_t[7] values
    cdef uint64_t seq = 0, in_runs = 0
    cdef int step, index
    cdef bint begun = False
    cdef bint spent = True                          # those that are spent come first
    while at < end:
        step = at[0]
        at += 1
        if step not in (PENDING, RUN) if begun else step != RESET:
            raise StoreError("the state of a consumer is none")
        begun = True
        for index in range(_numbers_of(step)):
            if not read_number(&at, end, &values[index]) or values[index] >> 63:
                raise StoreError("the state of a consumer is damaged")
        if step == RESET:
            continue
        if spent and (step == RUN or values[5] != WAS_SPENT):
            spent = False
            seq = 0
        if values[0] <= seq or not spent and step == PENDING and values[5] == WAS_SPENT:
            raise StoreError(f"the state of a consumer: {values[0]} stands behind {seq}")
        seq = values[0]
        if step == RUN:
            if not 0 < values[4] <= runs_max - in_runs:
                raise StoreError(f"the state of a consumer: a run of {values[4]} messages")
            in_runs += values[4]
            seq += values[4] - 1
    if not begun:
        raise StoreError("the state of a consumer is missing")
    return in_runs


cdef int _numbers_of(int step) noexcept:
    if step in (REDELIVERED, ACKED, EXTENDED, SPENT_STEP):
        return 1
    if step in (DELIVERED, ACKED_ALL, NAKED):
        return 2
    if step == MOVED:
        return 4
    if step == RUN:
        return 5
    if step == RESET:
        return 7
    return 6 if step == PENDING else 0


cdef int _apply(Ledger ledger, int step, uint64_t* values, int64_t now_ns) except -1:
    """The same change as the running cursor made, at the same time."""
    cdef Pending pending = ledger.pending
    cdef Delivery* entry = NULL
    cdef uint64_t index
    if step == DELIVERED:
        for index in range(values[1]):
            ledger.note_delivered(
                ledger.delivered_seq + (values[0] if index == 0 else 1), now_ns
            )
        if ledger.next_seq <= ledger.delivered_seq:
            ledger.next_seq = ledger.delivered_seq + 1
        return 0
    if step in (REDELIVERED, ACKED, EXTENDED, SPENT_STEP, NAKED):
        entry = pending.find_tracked(values[0])
        if entry == NULL:
            return ledger.note_acked(NULL, now_ns) if step == ACKED else 0
    if step == REDELIVERED:
        ledger.note_again(entry, now_ns)
    elif step == ACKED:
        ledger.note_acked(entry, now_ns)
    elif step == ACKED_ALL:
        ledger.note_acked_all(values[0], values[1], now_ns)
    elif step == NAKED and values[1]:
        pending.schedule(entry, now_ns + <int64_t> values[1] - 1)
    elif step == NAKED:
        pending.enqueue(entry)
    elif step == EXTENDED:
        entry.time_ns = now_ns
        pending.schedule(entry, now_ns + ledger.wait_ns(entry.deliveries))
    elif step == SPENT_STEP:
        pending.spend(entry)
    elif step in (MOVED, RESET):
        ledger.next_seq = values[0]
        ledger.delivered_seq = values[1]
        ledger.floor_seq = values[2]
        ledger.floor_consumer_seq = values[3]
        if step == RESET:
            pending.clear()
            ledger.delivered_consumer_seq = values[4]
            ledger.delivered_ns = ledger.active_ns = <int64_t> values[5]
            ledger.acked_ns = <int64_t> values[6]
        else:
            entry = pending.first()
            while entry != NULL and entry.seq <= ledger.floor_seq:
                pending.remove(entry)
                entry = pending.first()
    elif step in (PENDING, RUN):
        read_pending(pending, <Step> step, values)
    return 0
