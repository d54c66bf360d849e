/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols without the loader, whose tables have a lock that a stuck thread may hold: the
 * map of the process says which object an address lies in, and the object's dynamic
 * symbol table is in memory. All of it is copied by the kernel, so what is not as
 * expected, or goes away meanwhile, is no symbol and no crash.
 */

#include "diag/symbols.h"

#include "diag/print.h"
#include "platform/atomic.h"
#include "platform/host.h"
#include "platform/testing.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#if defined(KSI_TESTING)
__thread unsigned ksi_map_reads;
#define KSI_COUNT_MAP_READ() (ksi_map_reads++)
#else
#define KSI_COUNT_MAP_READ() ((void)0)
#endif

/* One line of the map, read in pieces. */
struct map {
    int fd;
    size_t used;
    size_t have;
    char room[512];
};

static int next_char(struct map *m)
{
    if (m->used == m->have) {
        ssize_t n;
        do
            n = read(m->fd, m->room, sizeof m->room);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
            return -1;
        m->have = (size_t)n;
        m->used = 0;
    }
    return (unsigned char)m->room[m->used++];
}

/* A number in base 16 and the character after it. */
static uintptr_t next_hex(struct map *m, int *after)
{
    uintptr_t value = 0;
    for (;;) {
        int c = next_char(m);
        if (c >= '0' && c <= '9') {
            value = value * 16 + (uintptr_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value * 16 + (uintptr_t)(c - 'a' + 10);
        } else {
            *after = c;
            return value;
        }
    }
}

static int skip_field(struct map *m)
{
    int c;
    do
        c = next_char(m);
    while (c != ' ' && c != '\n' && c != -1);
    return c;
}

struct line {
    uintptr_t begin;
    uintptr_t end;
    uintptr_t offset;
    char file[64]; /* the last part of the name; "" for memory of no file */
};

/* begin-end perms offset dev inode   name */
static bool next_line(struct map *m, struct line *l)
{
    int c;
    l->begin = next_hex(m, &c);
    if (c != '-')
        return false;
    l->end = next_hex(m, &c);
    if (c == ' ')
        c = skip_field(m);
    l->offset = next_hex(m, &c);
    for (unsigned field = 0; field < 2 && c == ' '; field++)
        c = skip_field(m);
    size_t n = 0;
    while (c != '\n' && c != -1) {
        c = next_char(m);
        if (c == '/')
            n = 0;
        else if (c != '\n' && c != -1 && (c != ' ' || n > 0) && n < sizeof l->file - 1)
            l->file[n++] = (char)c;
    }
    l->file[n] = '\0';
    return true;
}

static bool find_line_in(struct map *m, uintptr_t address, struct line *l,
                         uintptr_t *begin, char *file)
{
    uintptr_t last = 0;
    bool found = false;
    KSI_COUNT_MAP_READ();
    while (!found && next_line(m, l)) {
        bool continues = l->file[0] == '\0' && l->begin == last; /* what is zeroed */
        if (l->offset == 0 && !continues) {
            *begin = l->begin;
            memcpy(file, l->file, sizeof l->file);
        }
        last = l->end;
        if (address < l->begin)
            break;
        found = address < l->end;
    }
    return found;
}

/* The line that address lies in; false: it lies in none. */
static bool find_line(uintptr_t address, struct line *l, uintptr_t *begin, char *file)
{
    int cancel = ksi_cancel_off();
    struct map m = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    bool found = false;
    *begin = 0;
    if (m.fd >= 0) {
        found = find_line_in(&m, address, l, begin, file);
        close(m.fd);
    }
    ksi_cancel_back(cancel);
    return found;
}

/* Tables are named by address, or where nobody has relocated that, by offset. */
static uintptr_t table_at(const struct ksi_object *o, uintptr_t value)
{
    return value < o->bias ? value + o->bias : value;
}

static void read_dynamic(struct ksi_object *o, uintptr_t at)
{
    ElfW(Dyn) d;
    for (unsigned i = 0; i < 256; i++, at += sizeof d) {
        if (!ksi_peek(&d, (const void *)at, sizeof d) || d.d_tag == DT_NULL) // NOLINT
            break;
        if (d.d_tag == DT_SYMTAB)
            o->symbols = table_at(o, d.d_un.d_ptr);
        else if (d.d_tag == DT_STRTAB)
            o->strings = table_at(o, d.d_un.d_ptr);
        else if (d.d_tag == DT_HASH)
            o->hash = table_at(o, d.d_un.d_ptr);
        else if (d.d_tag == DT_GNU_HASH)
            o->gnu_hash = table_at(o, d.d_un.d_ptr);
    }
    if (o->strings == 0)
        o->symbols = 0;
}

static uint32_t word_at(uintptr_t at)
{
    uint32_t value = 0;
    return ksi_peek(&value, (const void *)at, sizeof value) ? value : 0; // NOLINT
}

/* The greatest of n words. */
static uint32_t greatest_word(uintptr_t at, uint32_t n)
{
    enum { BATCH = 64 };
    uint32_t batch[BATCH];
    uint32_t greatest = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t left = n - i < BATCH ? n - i : BATCH;
        uintptr_t from = at + (uintptr_t)i * sizeof batch[0];
        if (i % BATCH == 0 &&
            !ksi_peek(batch, (const void *)from, left * sizeof batch[0])) // NOLINT
            break;
        if (batch[i % BATCH] > greatest)
            greatest = batch[i % BATCH];
    }
    return greatest;
}

/* How many symbols: one more than the last one of the last chain. */
static uint32_t count_symbols(const struct ksi_object *o)
{
    enum { MOST = 1 << 20 };
    if (o->hash != 0)
        return word_at(o->hash + 4);
    if (o->gnu_hash == 0)
        return 0;
    uint32_t buckets = word_at(o->gnu_hash);
    uint32_t first = word_at(o->gnu_hash + 4);
    uintptr_t bucket = o->gnu_hash + 16 + word_at(o->gnu_hash + 8) * sizeof(uintptr_t);
    uintptr_t chains = bucket + (uintptr_t)buckets * 4;
    uint32_t last = greatest_word(bucket, buckets < MOST ? buckets : MOST);
    if (last < first)
        return 0;
    while (last < MOST && (word_at(chains + (uintptr_t)(last - first) * 4) & 1) == 0)
        last++;
    return last + 1;
}

/* False: what begins there is no object. */
static bool read_object(struct ksi_object *o, uintptr_t begin)
{
    ElfW(Ehdr) e;
    ElfW(Phdr) p;
    uintptr_t dynamic = 0;
    _Static_assert(sizeof e <= sizeof o->header, "room for it");
    o->begin = begin;
    if (!ksi_peek(&e, (const void *)begin, sizeof e) || // NOLINT
        memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_phentsize != sizeof p)
        return false;
    memcpy(o->header, &e, sizeof e);
    for (unsigned i = 0; i < e.e_phnum; i++) {
        uintptr_t at = begin + e.e_phoff + i * sizeof p;
        if (!ksi_peek(&p, (const void *)at, sizeof p)) // NOLINT
            return false;
        if (p.p_type == PT_LOAD) {
            if (o->high == 0) {
                o->bias = begin - (p.p_vaddr & ~(uintptr_t)4095);
                o->low = o->bias + p.p_vaddr;
            }
            o->high = o->bias + p.p_vaddr + p.p_memsz; /* they ascend */
        } else if (p.p_type == PT_DYNAMIC) {
            dynamic = p.p_vaddr;
        }
    }
    if (dynamic != 0)
        read_dynamic(o, o->bias + dynamic);
    if (o->symbols != 0)
        o->count = count_symbols(o);
    return o->high != 0;
}

/* The symbol that offset lies in; those without a size reach to the next one. */
static void find_name(struct ksi_symbol *s, const struct ksi_object *o, uintptr_t offset)
{
    enum { BATCH = 16 };
    ElfW(Sym) batch[BATCH];
    uintptr_t best = 0;
    uintptr_t name = 0;
    uint32_t n = o->count;
    for (uint32_t i = 0; i < n; i++) {
        const ElfW(Sym) *y = &batch[i % BATCH];
        uint32_t left = n - i < BATCH ? n - i : BATCH;
        uintptr_t from = o->symbols + (uintptr_t)i * sizeof *y;
        if (i % BATCH == 0 &&
            !ksi_peek(batch, (const void *)from, left * sizeof *y)) // NOLINT
            return;
        unsigned type = y->st_info & 0xfu;
        bool mark = type == STT_NOTYPE && y->st_size == 0; /* where a section begins */
        bool inside = !mark && y->st_value <= offset &&
                      (y->st_size == 0 || offset - y->st_value < y->st_size);
        if (y->st_shndx == SHN_UNDEF || y->st_shndx == SHN_ABS || type > STT_FUNC ||
            !inside || y->st_value < best)
            continue;
        best = y->st_value;
        name = o->strings + y->st_name;
    }
    if (name != 0 && ksi_peek_text(s->name, sizeof s->name, (const char *)name)) // NOLINT
        s->offset = offset - best;
    else
        s->name[0] = '\0';
}

/* --- what is kept ------------------------------------------------------------------- */

/*
 * What this thread's report has learned. NULL while that is being changed, too: a lookup
 * of a handler or a dump that comes meanwhile does without.
 */
static __thread struct ksi_symbols *kept;

struct ksi_symbols *ksi_symbols_begin(struct ksi_symbols *s)
{
    struct ksi_symbols *before = kept;
    s->nlines = 0;
    s->nobjects = 0;
    ksi_symbols_end(s);
    return before;
}

void ksi_symbols_end(struct ksi_symbols *before)
{
    ksi_barrier();
    kept = before;
    ksi_barrier();
}

/* True if an object, or none, begins there, as it did. */
static bool is_still(uintptr_t begin, const struct ksi_object *o)
{
    unsigned char header[sizeof(ElfW(Ehdr))];
    if (!ksi_peek(header, (const void *)begin, sizeof header)) // NOLINT
        return o == NULL;
    if (o == NULL)
        return memcmp(header, ELFMAG, SELFMAG) != 0;
    return memcmp(header, o->header, sizeof header) == 0;
}

/* False: nothing is known of that address. Else o is its object, or NULL for none. */
static bool recall(struct ksi_symbols *k, uintptr_t at, const struct ksi_object **o)
{
    for (uint32_t i = 0; i < k->nlines; i++) {
        if (at < k->lines[i].begin || at >= k->lines[i].end)
            continue;
        uint32_t number = k->lines[i].object;
        *o = number < KSI_MAP_OBJECTS ? &k->objects[number] : NULL;
        if (is_still(*o != NULL ? (*o)->begin : k->lines[i].begin, *o))
            return true;
        k->nlines = 0;
        k->nobjects = 0;
        return false;
    }
    return false;
}

/* o: NULL: there is no object at that line. */
static void keep(struct ksi_symbols *k, const struct line *l, const struct ksi_object *o)
{
    uint32_t number = o != NULL ? 0 : KSI_MAP_OBJECTS;
    while (o != NULL && number < k->nobjects && k->objects[number].begin != o->begin)
        number++;
    if (k->nlines == KSI_MAP_LINES || (o != NULL && number == KSI_MAP_OBJECTS)) {
        k->nlines = 0;
        k->nobjects = 0;
        number = o != NULL ? 0 : KSI_MAP_OBJECTS;
    }
    if (o != NULL)
        k->objects[number] = *o;
    if (o != NULL && number == k->nobjects)
        k->nobjects++;
    k->lines[k->nlines].begin = l->begin;
    k->lines[k->nlines].end = l->end;
    k->lines[k->nlines].object = number;
    k->nlines++;
}

/* The object of that address, maybe in `own`; NULL: none. */
static const struct ksi_object *object_of(struct ksi_symbols *k, uintptr_t at,
                                          struct ksi_object *own)
{
    const struct ksi_object *o = NULL;
    struct line l;
    uintptr_t begin;
    if (k != NULL && recall(k, at, &o))
        return o;
    memset(own, 0, sizeof *own);
    if (!find_line(at, &l, &begin, own->file))
        return NULL;
    o = begin != 0 && read_object(own, begin) ? own : NULL;
    if (k != NULL)
        keep(k, &l, o);
    return o;
}

bool ksi_symbol_find(struct ksi_symbol *s, const void *address)
{
    struct ksi_object own;
    uintptr_t at = (uintptr_t)address;
    struct ksi_symbols *k = kept;
    ksi_symbols_end(NULL);
    const struct ksi_object *o = object_of(k, at, &own);
    s->name[0] = '\0';
    bool found = o != NULL && at >= o->low && at < o->high;
    if (found) {
        memcpy(s->file, o->file, sizeof s->file);
        s->offset = at - o->bias;
        if (o->symbols != 0)
            find_name(s, o, at - o->bias);
    }
    ksi_symbols_end(k);
    return found;
}
