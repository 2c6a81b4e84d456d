# cython: boundscheck=False, wraparound=False, cdivision=True
"""Pull requests of one consumer; see `pull_inlet.pxd`.

Owns the few requests it remembers. Knows no JSON: the owner does. Invariant: a form in `known` is
what the owner made of exactly those bytes, without a header.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from isthmus.core.cursor cimport Cursor
from isthmus.core.message cimport Message, Span, span, span_of
from isthmus.core.pull cimport PIN_SIZE, PullForm, Wish
from isthmus.core.receiver cimport Receiver
from isthmus.core.turn cimport Turn

cdef enum:
    REQUEST_KEPT_MAX = 256      # bytes of a request that is worth remembering


cdef class PullInlet(Receiver):
    """Asks `cursor` for messages.

    `owner.pull_form(payload, header)` returns `(refusal, batch, batch_shown, bytes_max, expires_ns,
    heartbeat_ns, no_wait, wish)`: the header block to refuse with or b"", and what is asked for.
    `wish` is None without priority groups, else `(min_pending, min_ack_pending, priority, group,
    id)`, the group as its number.
    """

    def __init__(self, Cursor cursor not None, object owner not None):
        self.cursor = cursor
        self.owner = owner
        self.subjects = []

    def __dealloc__(self):
        self._forget()

    def __repr__(self) -> str:
        return f"PullInlet({self.cursor!r})"

    def subscribe(self, list subjects not None) -> None:
        """Listen under these subjects and no others; an empty list ends it."""
        for subject in self.subjects:
            self.cursor.stored.account.sublist.remove(span_of(subject), span(NULL, 0), self)
        for subject in subjects:
            self.cursor.stored.account.sublist.insert(span_of(subject), span(NULL, 0), self)
        self.subjects = list(subjects)

    def forget(self) -> None:
        """The configuration changed: what a request means may have changed with it."""
        self._forget()

    cdef int receive(self, Message* message, Turn turn) except -1:
        if self.cursor.closed:
            return 0
        if message.reply.size:
            self.request(message.payload, message.header, message.reply, turn)
        return 1

    cdef int request(self, Span payload, Span header, Span reply, Turn turn) except -1:
        """What `payload` asks for, to be sent to `reply`."""
        cdef int index
        if header.size == 0:
            for index in range(FORMS_KEPT):
                if self.known[index].size == payload.size and (
                    self.known[index].request != NULL
                ) and not memcmp(self.known[index].request, payload.data, payload.size):
                    return self.cursor.pulls.ask(&self.known[index].form, reply, turn)
        return self._parse(payload, header, reply, turn)

    cdef int _parse(self, Span payload, Span header, Span reply, Turn turn) except -1:
        cdef KnownForm* slot
        cdef PullForm form
        cdef bytes refusal
        refusal, batch, batch_shown, bytes_max, expires_ns, heartbeat_ns, no_wait, wish = (
            self.owner.pull_form(payload.data[: payload.size], header.data[: header.size])
        )
        if refusal:
            return self.cursor.pulls.refuse(reply, span_of(refusal), turn)
        form.batch = batch
        form.batch_shown = batch_shown
        form.bytes_max = bytes_max
        form.expires_ns = expires_ns
        form.heartbeat_ns = heartbeat_ns
        form.no_wait = no_wait
        _write_wish(wish, &form.wish)
        if header.size == 0 and payload.size <= REQUEST_KEPT_MAX:
            slot = &self.known[self.oldest]
            self.oldest = (self.oldest + 1) % FORMS_KEPT
            free(slot.request)
            slot.request = <char*> malloc(payload.size + 1)
            if slot.request == NULL:
                raise MemoryError
            memcpy(slot.request, payload.data, payload.size)
            slot.size = payload.size
            slot.form = form
        return self.cursor.pulls.ask(&form, reply, turn)

    def _forget(self):
        cdef int index
        for index in range(FORMS_KEPT):
            free(self.known[index].request)
            self.known[index].request = NULL


cdef int _write_wish(tuple wish, Wish* out) except -1:
    cdef bytes name
    memset(out, 0, sizeof(Wish))
    if wish is not None:
        out.min_pending, out.min_ack_pending, out.priority, out.group, name = wish
        out.id_size = len(name)
        if out.id_size == PIN_SIZE:
            memcpy(out.id, PyBytes_AS_STRING(name), PIN_SIZE)
    return 0
