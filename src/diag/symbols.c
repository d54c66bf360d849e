/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols without the loader, whose tables have a lock that a stuck thread may hold: the
 * map of the process says which object an address lies in, and the object's dynamic
 * symbol table is in memory. All of it is copied by the kernel, so what is not as
 * expected, or goes away meanwhile, is no symbol and no crash.
 */

#include "diag/print.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

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

/* Where the object that address lies in begins; 0: in none. */
static uintptr_t find_object(uintptr_t address, char *file)
{
    struct map m = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    struct line l;
    uintptr_t begin = 0;
    uintptr_t last = 0;
    uintptr_t found = 0;
    if (m.fd < 0)
        return 0;
    while (found == 0 && next_line(&m, &l)) {
        bool continues = l.file[0] == '\0' && l.begin == last; /* what is zeroed */
        if (l.offset == 0 && !continues) {
            begin = l.begin;
            memcpy(file, l.file, sizeof l.file);
        }
        last = l.end;
        if (address >= l.begin && address < l.end)
            found = begin;
        else if (address < l.begin)
            break;
    }
    close(m.fd);
    return found;
}

/* What of an object is needed to name an address in it. */
struct object {
    uintptr_t bias;
    uintptr_t symbols;
    uintptr_t strings;
    uintptr_t hash;     /* DT_HASH */
    uintptr_t gnu_hash; /* DT_GNU_HASH */
};

/* Tables are named by address, or where nobody has relocated that, by offset. */
static uintptr_t table_at(const struct object *o, uintptr_t value)
{
    return value < o->bias ? value + o->bias : value;
}

static bool read_dynamic(struct object *o, uintptr_t at)
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
    return o->symbols != 0 && o->strings != 0;
}

/* False if the object at begin does not reach as far as address. */
static bool read_object(struct object *o, uintptr_t begin, uintptr_t address,
                        bool *has_symbols)
{
    ElfW(Ehdr) e;
    ElfW(Phdr) p;
    uintptr_t dynamic = 0;
    bool reaches = false;
    bool based = false;
    if (!ksi_peek(&e, (const void *)begin, sizeof e) || // NOLINT
        memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_phentsize != sizeof p)
        return false;
    for (unsigned i = 0; i < e.e_phnum; i++) {
        uintptr_t at = begin + e.e_phoff + i * sizeof p;
        if (!ksi_peek(&p, (const void *)at, sizeof p)) // NOLINT
            return false;
        if (p.p_type == PT_LOAD) {
            if (!based)
                o->bias = begin - (p.p_vaddr & ~(uintptr_t)4095);
            based = true;
            uintptr_t from = o->bias + p.p_vaddr;
            reaches = reaches || (address >= from && address - from < p.p_memsz);
        } else if (p.p_type == PT_DYNAMIC) {
            dynamic = p.p_vaddr;
        }
    }
    *has_symbols = dynamic != 0 && read_dynamic(o, o->bias + dynamic);
    return reaches;
}

static uint32_t word_at(uintptr_t at)
{
    uint32_t value = 0;
    return ksi_peek(&value, (const void *)at, sizeof value) ? value : 0; // NOLINT
}

/* How many symbols: one more than the last one of the last chain. */
static uint32_t count_symbols(const struct object *o)
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
    uint32_t last = 0;
    for (uint32_t i = 0; i < buckets && i < MOST; i++) {
        uint32_t n = word_at(bucket + (uintptr_t)i * 4);
        last = n > last ? n : last;
    }
    if (last < first)
        return 0;
    while (last < MOST && (word_at(chains + (uintptr_t)(last - first) * 4) & 1) == 0)
        last++;
    return last + 1;
}

/* The symbol that offset lies in; those without a size reach to the next one. */
static void find_name(struct ksi_symbol *s, const struct object *o, uintptr_t offset)
{
    enum { BATCH = 16 };
    ElfW(Sym) batch[BATCH];
    uintptr_t best = 0;
    uintptr_t name = 0;
    uint32_t n = count_symbols(o);
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

bool ksi_symbol_find(struct ksi_symbol *s, const void *address)
{
    struct object o = {0};
    uintptr_t at = (uintptr_t)address;
    bool has_symbols = false;
    s->name[0] = '\0';
    uintptr_t begin = find_object(at, s->file);
    if (begin == 0 || !read_object(&o, begin, at, &has_symbols))
        return false;
    s->offset = at - o.bias;
    if (has_symbols)
        find_name(s, &o, at - o.bias);
    return true;
}
