# cython: boundscheck=False, wraparound=False, cdivision=True
"""The receivers of one subject or pattern; see `node.pxd` for the picture.

Owns the arrays, not the receivers: who adds one keeps a reference while it is here. Knows no
subjects. Invariant: an index, where there is one, has exactly one entry for each place.
"""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from isthmus.core.hashing cimport hash_pointer
from isthmus.core.message cimport Span


# --- the index: from hash to place ---

cdef void _put(Place* slots, int32_t mask, uint32_t hash, int32_t at) noexcept nogil:
    cdef int32_t slot = <int32_t> (hash & <uint32_t> mask)
    while slots[slot].at:
        slot = (slot + 1) & mask
    slots[slot].hash = hash
    slots[slot].at = at + 1


cdef Places* _places_new(int32_t entries) except NULL:
    cdef Places* places = <Places*> calloc(1, sizeof(Places))
    cdef int32_t capacity = 2 * INDEXED_FROM
    while capacity < entries * 4:
        capacity *= 2
    if places != NULL:
        places.slots = <Place*> calloc(capacity, sizeof(Place))
    if places == NULL or places.slots == NULL:
        free(places)
        raise MemoryError
    places.mask = capacity - 1
    return places


cdef void _places_free(Places* places) noexcept nogil:
    if places != NULL:
        free(places.slots)
        free(places)


cdef int _places_add(Places* places, uint64_t hash, int32_t at) except -1:
    cdef Place* slots
    cdef int32_t mask, slot
    if (places.count + 1) * 2 > places.mask:
        mask = (places.mask + 1) * 2 - 1
        slots = <Place*> calloc(mask + 1, sizeof(Place))
        if slots == NULL:
            raise MemoryError
        for slot in range(places.mask + 1):
            if places.slots[slot].at:
                _put(slots, mask, places.slots[slot].hash, places.slots[slot].at - 1)
        free(places.slots)
        places.slots = slots
        places.mask = mask
    _put(places.slots, places.mask, <uint32_t> hash, at)
    places.count += 1
    return 0


cdef int32_t _slot_of(const Places* places, uint64_t hash, int32_t at) noexcept nogil:
    cdef int32_t slot = <int32_t> (<uint32_t> hash & <uint32_t> places.mask)
    while places.slots[slot].at != at + 1:
        slot = (slot + 1) & places.mask
    return slot


cdef void _places_drop(Places* places, uint64_t hash, int32_t at) noexcept nogil:
    """Empty the slot, moving back what probed past it."""
    cdef int32_t mask = places.mask
    cdef int32_t gap = _slot_of(places, hash, at)
    cdef int32_t slot = gap, home
    while True:
        slot = (slot + 1) & mask
        if places.slots[slot].at == 0:
            break
        home = <int32_t> (places.slots[slot].hash & <uint32_t> mask)
        if ((slot - home) & mask) >= ((slot - gap) & mask):
            places.slots[gap] = places.slots[slot]
            gap = slot
    places.slots[gap].at = 0
    places.count -= 1


# --- bags ---

cdef int _bag_grow(Bag* bag) except -1:
    cdef int32_t wanted = 1 if bag.capacity == 0 else 4 if bag.capacity == 1 else bag.capacity * 2
    cdef PyObject** grown
    if wanted > 1:
        grown = <PyObject**> realloc(
            NULL if bag.capacity == 1 else bag.items, wanted * sizeof(PyObject*)
        )
        if grown == NULL:
            raise MemoryError
        if bag.capacity == 1:
            grown[0] = <PyObject*> bag.items
        bag.items = grown
    bag.capacity = wanted
    return 0


cdef int _bag_add(Bag* bag, PyObject* receiver) except -1:
    cdef PyObject** items
    cdef int32_t at
    if bag.count == bag.capacity:
        _bag_grow(bag)
    items = bag_items(bag)
    if bag.count == INDEXED_FROM and bag.places == NULL:
        bag.places = _places_new(bag.count + 1)
        for at in range(bag.count):
            _places_add(bag.places, hash_pointer(items[at]), at)
    if bag.places != NULL:
        _places_add(bag.places, hash_pointer(receiver), bag.count)
    items[bag.count] = receiver
    bag.count += 1
    return 0


cdef int32_t _bag_find(Bag* bag, PyObject* receiver) noexcept nogil:
    """Where it is, or -1."""
    cdef PyObject** items = bag_items(bag)
    cdef Place* slots
    cdef int32_t at, slot, mask
    if bag.places == NULL:
        for at in range(bag.count):
            if items[at] == receiver:
                return at
        return -1
    slots = bag.places.slots
    mask = bag.places.mask
    slot = <int32_t> (<uint32_t> hash_pointer(receiver) & <uint32_t> mask)
    while slots[slot].at:
        if items[slots[slot].at - 1] == receiver:
            return slots[slot].at - 1
        slot = (slot + 1) & mask
    return -1


cdef void _bag_free(Bag* bag) noexcept nogil:
    if bag.capacity > 1:
        free(bag.items)
    _places_free(bag.places)
    memset(bag, 0, sizeof(Bag))


cdef bint _bag_remove(Bag* bag, PyObject* receiver) noexcept nogil:
    cdef int32_t at = _bag_find(bag, receiver)
    cdef int32_t last = bag.count - 1
    cdef PyObject** items
    if at < 0:
        return False
    if last == 0:
        _bag_free(bag)
        return True
    items = bag_items(bag)
    if bag.places != NULL:
        _places_drop(bag.places, hash_pointer(receiver), at)
        if at != last:
            bag.places.slots[_slot_of(bag.places, hash_pointer(items[last]), last)].at = at + 1
    items[at] = items[last]
    bag.count = last
    return True


# --- groups ---

cdef int32_t _group_find(const Node* node, Span queue, uint64_t hash) noexcept nogil:
    """Which group has the name, or -1."""
    cdef Place* slots
    cdef int32_t at, slot, mask
    if node.places == NULL:
        for at in range(node.group_count):
            if node.groups[at].hash == hash and same_name(
                &node.groups[at], queue.data, queue.size
            ):
                return at
        return -1
    slots = node.places.slots
    mask = node.places.mask
    slot = <int32_t> (<uint32_t> hash & <uint32_t> mask)
    while slots[slot].at:
        at = slots[slot].at - 1
        if slots[slot].hash == <uint32_t> hash and same_name(
            &node.groups[at], queue.data, queue.size
        ):
            return at
        slot = (slot + 1) & mask
    return -1


cdef Group* _group_new(Node* node, Span queue, uint64_t hash) except NULL:
    cdef Group* group
    cdef int32_t wanted, at
    if node.group_count == node.group_capacity:
        wanted = node.group_capacity * 2 if node.group_capacity else 1
        group = <Group*> realloc(node.groups, wanted * sizeof(Group))
        if group == NULL:
            raise MemoryError
        node.groups = group
        node.group_capacity = wanted
    if node.group_count == INDEXED_FROM and node.places == NULL:
        node.places = _places_new(node.group_count + 1)
        for at in range(node.group_count):
            _places_add(node.places, node.groups[at].hash, at)
    group = &node.groups[node.group_count]
    memset(group, 0, sizeof(Group))
    group.name = <char*> malloc(queue.size)
    if group.name == NULL:
        raise MemoryError
    memcpy(group.name, queue.data, queue.size)
    group.name_size = <int32_t> queue.size
    group.hash = hash
    if node.places != NULL:
        _places_add(node.places, hash, node.group_count)
    node.group_count += 1
    return group


cdef void _group_drop(Node* node, int32_t at) noexcept nogil:
    """Remove an empty group; the last one takes its place."""
    cdef int32_t last = node.group_count - 1
    free(node.groups[at].name)
    if node.places != NULL:
        _places_drop(node.places, node.groups[at].hash, at)
        if at != last:
            node.places.slots[_slot_of(node.places, node.groups[last].hash, last)].at = at + 1
    node.groups[at] = node.groups[last]
    node.group_count = last
    if last == 0:
        free(node.groups)
        _places_free(node.places)
        node.groups = NULL
        node.places = NULL
        node.group_capacity = 0


# --- nodes ---

cdef int node_add(Node* node, Span queue, uint64_t hash, PyObject* receiver) except -1:
    cdef int32_t at
    cdef Group* group
    if queue.size == 0:
        return _bag_add(&node.plain, receiver)
    at = _group_find(node, queue, hash)
    group = _group_new(node, queue, hash) if at < 0 else &node.groups[at]
    return _bag_add(&group.members, receiver)


cdef bint node_remove(Node* node, Span queue, uint64_t hash, PyObject* receiver) noexcept:
    cdef int32_t at
    if queue.size == 0:
        return _bag_remove(&node.plain, receiver)
    at = _group_find(node, queue, hash)
    if at < 0 or not _bag_remove(&node.groups[at].members, receiver):
        return False
    if node.groups[at].members.count == 0:
        _group_drop(node, at)
    return True


cdef int _bag_clear(Bag* bag, list dropped) except -1:
    cdef PyObject** items = bag_items(bag)
    cdef int32_t at
    for at in range(bag.count):
        dropped.append(<object> items[at])
        Py_DECREF(<object> items[at])
    _bag_free(bag)
    return 0


cdef int node_clear(Node* node, list dropped) except -1:
    cdef int32_t at
    _bag_clear(&node.plain, dropped)
    for at in range(node.group_count):
        _bag_clear(&node.groups[at].members, dropped)
        free(node.groups[at].name)
    free(node.groups)
    _places_free(node.places)
    memset(node, 0, sizeof(Node))
    return 0
