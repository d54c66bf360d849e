# SPDX-License-Identifier: BSD-2-Clause
"""gdb commands for programs that use libkslock, alive or as a core file.

    (gdb) source kslock-gdb.py
    (gdb) kslock threads    registered threads: stage, interrupt level, priority
    (gdb) kslock locks      what each of them holds, and where that was taken
    (gdb) kslock waits      what each of them waits for, who holds that, and circles

They only read memory: nothing is called in the program, so they work in a core file and
in a program that is stuck. gdb must know the debugging information of the library
(libkslock that was not stripped, or its separate debug file) and have Python. Interrupts
come as a real-time signal; "handle all nostop noprint pass" lets a program go on at it.
"""

import gdb

# As src/diag/slots.h: an entry of a slot is an address, with the family of locks in the
# top four bits and the kind of entry in the low ones; a site is a code address, or with
# the top bit that of a struct ksl_place. In slots the top bit of a site is flipped.
TOP = 1 << 63
ADDRESS = (1 << 60) - 1 & ~7
FAMILY_SHIFT = 60
ENTRY_MASK = 3
EXCLUSIVE_ENTRIES = (2, 3)
HOLDS_INLINE = 16  # KSI_HOLDS_INLINE
FAR_INLINE = 16  # KSI_FAR_INLINE

FAMILIES = ["named", "rwsem", "simple lock", "complex lock", "lockl lock",
            "disabled read-write lock", "kernel mutex", "stax", "mutex"]
NAMED, STAX = 0, 7
NAMED_CLASSES = {1: "sx", 2: "mutex", 3: "spin mutex"}
KINDS = {"MTX": "mutex", "MTX_SPIN": "spin mutex", "CV": "condition variable",
         "CHANNEL": "sleep channel", "KSEM": "semaphore", "SLEEPQ": "sleep queue",
         "SIMPLE": "simple lock", "COMPLEX": "complex lock", "LOCKL": "lockl lock",
         "DRW": "disabled read-write lock", "EVL_MUTEX": "kernel mutex", "NO_KIND": "lock"}
# enum ksi_queue_kind: kind of lock (None: the waiter says), and what is wanted.
QUEUES = {"READ": (None, ", to share it"),
          "WRITE": (None, ", to have it alone"), "COND": ("cond", ""),
          "SLEEP": ("sleep queue", ""), "BLOCK": ("being unblocked", ""),
          "CHANNEL": ("sleep channel", ""), "CV": ("condition variable", ""),
          "KSEM": ("semaphore", ""), "STAX": ("stax", ", to enter"),
          "UPGRADE": ("complex lock", ", to have it alone instead of sharing it"),
          "EVENT": ("event", ""), "EVENTS": ("events that are posted to it", "")}


class Missing(gdb.GdbError):
    """What the commands need is not there."""


def variable(name, file):
    """A static variable of the library."""
    try:
        return gdb.parse_and_eval("'%s'::%s" % (file, name))
    except gdb.error:
        raise Missing("kslock: no debugging information of libkslock here: is the program "
                      "started, does it use the library, was that stripped?")


def enumerators(enum, prefix):
    """value -> name without prefix."""
    found = gdb.lookup_type("enum " + enum)
    return {f.enumval: f.name[len(prefix):] for f in found.fields()}


def number(value):
    return int(value.cast(gdb.lookup_type("unsigned long")))


def peek_text(address, most=80):
    if address == 0:
        return None
    try:
        raw = gdb.selected_inferior().read_memory(address, most).tobytes()
    except gdb.MemoryError:
        raw = b""
        for i in range(most):  # it may end with its page
            try:
                raw += gdb.selected_inferior().read_memory(address + i, 1).tobytes()
            except gdb.MemoryError:
                break
    end = raw.find(b"\0")
    text = (raw if end < 0 else raw[:end]).decode("utf-8", "replace")
    return "".join(c if c >= " " else "?" for c in text)


def symbol_text(address):
    text = gdb.execute("info symbol 0x%x" % address, to_string=True).strip()
    if text.startswith("No symbol"):
        return None
    return text.split(" in section ")[0]


def caller_line(at):
    """The line of a call that was inlined from a header of the library: the nearest one
    before it in its function that is not of such a header."""
    first = line = gdb.find_pc_line(at)
    block = gdb.block_for_pc(at)
    while block is not None and (block.function is None or block.superblock.function):
        block = block.superblock
    while line.symtab is not None and "/kslock/" in line.symtab.filename:
        if block is None or line.pc <= block.start:
            return first
        line = gdb.find_pc_line(line.pc - 1)
    return line if line.symtab is not None else first


def site_text(site):
    if site in (0, TOP):
        return "an unknown place"
    if site & TOP:
        try:
            place = gdb.Value(site ^ TOP).cast(
                gdb.lookup_type("struct ksl_place").pointer()).dereference()
            file = peek_text(number(place["file"]), 256) or "?"
            return "%s:%d" % (file.rsplit("/", 1)[-1], int(place["line"]))
        except gdb.error:
            return "a place that was unloaded"
    line = caller_line(site - 1)  # a return address: the call is before it
    if line.symtab is not None and line.line > 0:
        return "%s:%d" % (line.symtab.filename.rsplit("/", 1)[-1], line.line)
    return symbol_text(site) or "0x%x" % site


def lock_text(kind, address):
    """kind: as messages have it."""
    name = None
    if kind in ("sx", "mutex", "spin mutex"):
        name = named_text(address)[1]
    name = name or symbol_text(address)
    return "%s 0x%x%s" % (kind, address, " (%s)" % name if name else "")


def named_text(address):
    """Kind and name of a lock that carries its name, else (None, None)."""
    try:
        lock = gdb.Value(address).cast(
            gdb.lookup_type("struct ksi_named").pointer()).dereference()
        flags = int(lock["flags"])
        if flags & 0x00010000 == 0:  # KSI_NAMED_ALIVE
            return None, None
        return NAMED_CLASSES.get(flags >> 24 & 15), peek_text(number(lock["name"]))
    except gdb.error:
        return None, None


class Hold:
    def __init__(self, kind, lock, key, shared, site):
        self.kind = kind
        self.lock = lock  # what its owner calls the lock
        self.key = key  # the address that waiters are queued at
        self.shared = shared
        self.site = site


class Thread:
    def __init__(self, value):
        self.value = value
        self.tid = int(value["tid"])
        self.name = value["name"].string(errors="replace") if number(
            value["name"][0]) else ""

    def text(self):
        found = [t for t in gdb.selected_inferior().threads() if t.ptid[1] == self.tid]
        gdb_number = ", gdb's %d" % found[0].num if found else ""
        return "thread %d%s%s" % (self.tid, " (%s)" % self.name if self.name else "",
                                  gdb_number)

    def field(self, name):
        return int(self.value[name])

    def front(self, name):
        return int(self.value["front"][name])

    def chunked(self, inline, chunks, size, i):
        """Entry i of a record that begins in an array and goes on in pages."""
        if i < size:
            return inline[i]
        c = (i // size).bit_length() - 1
        chunk = self.value[chunks][c]
        return chunk[i - (size << c)] if number(chunk) else None

    def holds(self):
        kinds = enumerators("ksi_kind", "KSI_")
        for i in range(self.front("nholds")):
            h = self.chunked(self.value["front"]["holds"], "more_holds", HOLDS_INLINE,
                             i)
            if h is None or number(h["lock"]) == 0:
                continue
            what = int(h["what"])
            kind = kind_text(kinds.get(what & 0xff, "NO_KIND"))
            lock = number(h["lock"])
            yield Hold(kind, lock, lock, what >> 8 & 0xff == 1, number(h["site"]))
        slots = self.value["front"]["slots"]
        near = slots.type.range()[1] + 1
        for i in range(near + self.field("far_used")):
            s = slots[i] if i < near else self.chunked(self.value["far_slots"],
                                                       "more_slots", FAR_INLINE,
                                                       i - near)
            if s is not None and number(s["lock"]) != 0:
                yield self.slot_hold(number(s["lock"]), number(s["place"]) ^ TOP)

    @staticmethod
    def slot_hold(entry, site):
        family = entry >> FAMILY_SHIFT
        key = entry & ADDRESS
        lock = key
        kind = FAMILIES[family] if family < len(FAMILIES) else "lock"
        if family == NAMED:
            lock = key - word_offset()
            kind = named_text(lock)[0] or "lock"
        return Hold(kind, lock, key, entry & ENTRY_MASK not in EXCLUSIVE_ENTRIES,
                    0 if family == STAX else site)

    def wait(self):
        """(key, text) of what it waits for, or None."""
        spins = number(self.value["spins_on"])
        if spins:
            kinds = enumerators("ksi_kind", "KSI_")
            kind = kind_text(kinds.get(self.field("spins_kind"), "NO_KIND"))
            return spins, "spins for " + lock_text(kind, spins)
        waiter = self.value["parked_in"]
        if self.field("asleep") == 0 or number(waiter) == 0:
            return None
        key = number(waiter["address"])
        queue = enumerators("ksi_queue_kind", "KSI_Q_").get(int(waiter["queued"]), "")
        kind, how = QUEUES.get(queue, ("something", ""))
        enumerator = None
        if kind is None:
            kinds = enumerators("ksi_kind", "KSI_")
            enumerator = kinds.get(int(waiter["lock_kind"]), "NO_KIND")
            kind = kind_text(enumerator)
            if enumerator == "MUTEX":
                how = ""  # there is no other way to have it
        woken = "" if int(waiter["outcome"]) == 0 else ", and has just been woken"
        if kind.startswith(("being", "events", "something")):
            return key, "waits for " + kind + woken
        lock = key - word_offset() if enumerator in ("SX", "MTX") else key
        return key, "waits for " + lock_text(kind, lock) + how + woken


def kind_text(enumerator):
    return KINDS.get(enumerator, enumerator.lower().replace("_", " "))


def word_offset():
    for f in gdb.lookup_type("struct ksi_named").fields():
        if f.name == "word":
            return f.bitpos // 8
    raise Missing("kslock: struct ksi_named has no word: another version of the library?")


def chunk_size():
    """How many descriptors are allocated together."""
    found = gdb.lookup_global_symbol("ksi_registry_allocated") or \
        gdb.lookup_static_symbol("ksi_registry_allocated")
    size = found and gdb.lookup_symbol("CHUNK", found.symtab.static_block())[0]
    if not size:
        raise Missing("kslock: no debugging information of the library's registry")
    return int(size.value())


def threads():
    allocated = int(variable("allocated", "registry.c"))
    chunks = variable("chunks", "registry.c")
    alive = [v for v, name in enumerators("ksi_thread_state", "KSI_THREAD_").items()
             if name == "ALIVE"][0]
    size = chunk_size()
    for i in range(allocated):
        t = chunks[i // size][i % size]
        if int(t["state"]) == alive:
            yield Thread(t)


class Kslock(gdb.Command):
    """Threads and locks of a program that uses libkslock."""

    def __init__(self):
        super().__init__("kslock", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)


class KslockThreads(gdb.Command):
    """The registered threads: stage, interrupt level, handlers, priority."""

    def __init__(self):
        super().__init__("kslock threads", gdb.COMMAND_STATUS)

    def invoke(self, arg, from_tty):
        for t in threads():
            prio, lent = t.field("prio"), t.field("lent")
            print("%s: %s, interrupt level %d%s, priority %d%s%s" % (
                t.text(), "out-of-band" if t.field("stage") else "in-band",
                t.front("level"),
                ", in %d handlers" % t.field("handlers") if t.field("handlers") else "",
                prio, ", promoted to %d" % lent if lent > prio else "",
                ", asleep" if t.field("asleep") else ""))


class KslockLocks(gdb.Command):
    """What each registered thread holds, and where that was taken."""

    def __init__(self):
        super().__init__("kslock locks", gdb.COMMAND_STATUS)

    def invoke(self, arg, from_tty):
        some = False
        for t in threads():
            lines = ["  holds %s%s%s" % (
                lock_text(h.kind, h.lock),
                " shared" if h.shared and h.kind != "stax" else "",
                ", taken at " + site_text(h.site) if h.kind != "stax" else ", inside it")
                for h in t.holds()]
            more = t.field("unrecorded") + t.field("unshared")
            if more:
                lines.append("  holds %d more that there was no memory for" % more)
            if lines:
                some = True
                print(t.text())
                print("\n".join(lines))
        if not some:
            print("no registered thread holds a lock")


class KslockWaits(gdb.Command):
    """What each registered thread waits for, who holds that, and circles of waits."""

    def __init__(self):
        super().__init__("kslock waits", gdb.COMMAND_STATUS)

    def invoke(self, arg, from_tty):
        all_threads = list(threads())
        holders = {}
        for t in all_threads:
            for h in t.holds():
                holders.setdefault(h.key, []).append((t, h))
        waits = {t.tid: (t, t.wait()) for t in all_threads}
        next_of = {}
        for t, wait in waits.values():
            if wait is None:
                continue
            print("%s\n  %s" % (t.text(), wait[1]))
            for holder, h in holders.get(wait[0], []):
                print("    held%s by %s%s" % (
                    " shared" if h.shared else "", holder.text(),
                    " since " + site_text(h.site) if h.site else ""))
                if holder.tid != t.tid:
                    next_of.setdefault(t.tid, []).append(holder.tid)
        if all(wait is None for t, wait in waits.values()):
            print("no registered thread waits")
        self.circles(next_of, waits)

    @staticmethod
    def circles(next_of, waits):
        told = set()
        for start in next_of:
            way = [start]
            seen = {start}
            todo = [(start, iter(next_of.get(start, [])))]
            while todo:
                after = next(todo[-1][1], None)
                if after is None:
                    todo.pop()
                    way.pop()
                elif after == start:
                    if frozenset(way) not in told:
                        told.add(frozenset(way))
                        print("circle: " + " waits for ".join(
                            waits[tid][0].text() for tid in way + [start]))
                elif after not in seen:
                    seen.add(after)
                    way.append(after)
                    todo.append((after, iter(next_of.get(after, []))))


Kslock()
KslockThreads()
KslockLocks()
KslockWaits()
