/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "counts.h"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WARM_UP = 20000, /* pairs: names are bound, the lock has settled */
    FEW = 4,
    MORE = 20,
    LONGEST = 15, /* bytes of an instruction */
    BREAKPOINT = 0xcc,
    TOO_MANY = 2000000 /* instructions: it waits for something */
};

/* Three breakpoints part the warm-up, FEW pairs and MORE pairs. */
static void child(const struct adapter *a)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(1);
    a->pairs(WARM_UP);
    __asm__ __volatile__("int3" ::: "memory");
    a->pairs(FEW);
    __asm__ __volatile__("int3" ::: "memory");
    a->pairs(MORE);
    __asm__ __volatile__("int3" ::: "memory");
    _exit(0);
}

static bool prefix(unsigned char byte, bool *lock)
{
    *lock = *lock || byte == 0xf0;
    return byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x66 || byte == 0x67 ||
           byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x26 || byte == 0x64 ||
           byte == 0x65;
}

/* Adds the instruction to what has been executed. */
static void add(struct counts *c, const unsigned char *code)
{
    bool lock = false;
    while (prefix(*code, &lock))
        code++;
    if ((*code & 0xf0) == 0x40) /* REX */
        code++;
    unsigned mode = code[1] >> 6;
    unsigned extension = code[1] >> 3 & 7;
    bool exchange = (code[0] == 0x86 || code[0] == 0x87) && mode != 3;
    c->instructions++;
    c->locked += lock || exchange;
    c->calls +=
        code[0] == 0xe8 || (code[0] == 0xff && (extension == 2 || extension == 3));
    c->fences += code[0] == 0x0f && code[1] == 0xae && (code[2] & 0xf8) == 0xf0;
    c->system_calls += code[0] == 0x0f && (code[1] == 0x05 || code[1] == 0x34);
}

static bool stopped_by_trap(pid_t pid)
{
    int status;
    for (;;) {
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            return false;
        if (WSTOPSIG(status) == SIGTRAP)
            return true;
        if (ptrace(PTRACE_CONT, pid, NULL, (void *)(long)WSTOPSIG(status)) != 0)
            return false;
    }
}

/* The bytes of the next instruction; what lies beyond its page is 0. */
static bool fetch(pid_t pid, unsigned char *code)
{
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) != 0)
        return false;
    memset(code, 0, LONGEST + 1);
    struct iovec to = {code, LONGEST};
    struct iovec from = {(void *)regs.rip, LONGEST};
    for (; from.iov_len > 0; from.iov_len--) {
        if (process_vm_readv(pid, &to, 1, &from, 1, 0) > 0)
            return true;
    }
    return false;
}

/* Steps to the next breakpoint and over it. */
static bool step_through(pid_t pid, struct counts *c)
{
    unsigned char code[LONGEST + 1];
    for (unsigned i = 0; i < TOO_MANY; i++) {
        if (!fetch(pid, code))
            return false;
        bool last = code[0] == BREAKPOINT;
        if (!last)
            add(c, code);
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 || !stopped_by_trap(pid))
            return false;
        if (last)
            return true;
    }
    return false;
}

static double per_pair(double few, double more)
{
    return (more - few) / (MORE - FEW);
}

const char *count_pair(const struct adapter *a, struct counts *c)
{
    struct counts few = {0};
    struct counts more = {0};
    pid_t pid = fork();
    if (pid < 0)
        return "no other process can be started";
    if (pid == 0)
        child(a);
    bool good =
        stopped_by_trap(pid) && step_through(pid, &few) && step_through(pid, &more);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    if (!good)
        return "the system refuses to step a process (ptrace)";
    c->instructions = per_pair(few.instructions, more.instructions);
    c->locked = per_pair(few.locked, more.locked);
    c->fences = per_pair(few.fences, more.fences);
    c->calls = per_pair(few.calls, more.calls);
    c->system_calls = per_pair(few.system_calls, more.system_calls);
    return NULL;
}

#else

const char *count_pair(const struct adapter *a, struct counts *c)
{
    (void)a;
    (void)c;
    return "instructions are counted on x86-64 only, without sanitizers";
}

#endif
