/* memory_shim: preloaded into a program under test, makes its allocations fail while a file says
 * so, each call stack once.
 *
 * MEMORY_SHIM names a file of uint32_t: is it on (2: for the next one, 2 + n: that after n others),
 * how many have failed,
 * then a table of the stacks that have. The file is mapped, so a test turns it on and off, and what
 * has failed does not again after a restart. Only what the program itself asks for fails, not what
 * its libraries do: how they bear it is not ours to test. */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEPTH = 10, STACKS = 1 << 14, ON = 0, FAILED, FIRST, COUNT = FIRST + STACKS, ONCE = 2 };

static _Atomic uint32_t *control; /* COUNT of them; NULL: none */
static uintptr_t text_from, text_to;
static _Thread_local bool inside;

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

/* The first one is the program. */
static int find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && part->p_flags & PF_X) {
            text_from = info->dlpi_addr + part->p_vaddr;
            text_to = text_from + part->p_memsz;
        }
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("MEMORY_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *pc[1];
    if (fd < 0 || strcmp(program_invocation_short_name, "sh") == 0) /* that starts it */
        return;
    (void)backtrace(pc, 1); /* allocates when it is first used */
    (void)dl_iterate_phdr(find_text, NULL);
    void *map = mmap(NULL, COUNT * sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        control = map;
}

/* Pages are mapped elsewhere in each run; where in them is the same. */
static uint32_t hash_stack(void)
{
    void *pc[DEPTH];
    int n = backtrace(pc, DEPTH);
    uint32_t h = 2166136261u;
    for (int i = 2; i < n; i++)
        h = (h ^ ((uintptr_t)pc[i] & 0xfff)) * 16777619u;
    return h ? h : 1;
}

static bool is_first(uint32_t h)
{
    for (uint32_t i = h; i != h + STACKS; i++) {
        uint32_t seen = 0;
        if (atomic_compare_exchange_strong(&control[FIRST + i % STACKS], &seen, h))
            return true;
        if (seen == h)
            return false;
    }
    return false;
}

static bool fails(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    uint32_t on = control ? control[ON] : 0;
    if (!on || at < text_from || at >= text_to || inside)
        return false;
    if (on > ONCE) {
        (void)atomic_compare_exchange_strong(&control[ON], &on, on - 1);
        return false;
    }
    inside = true;
    bool yes = is_first(hash_stack());
    inside = false;
    if (yes) {
        control[FAILED]++;
        (void)atomic_compare_exchange_strong(&control[ON], &(uint32_t){ONCE}, 0);
        errno = ENOMEM;
    }
    return yes;
}

void *malloc(size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return n && fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

void *reallocarray(void *p, size_t n, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(n, size, &all) || fails(__builtin_return_address(0)))
        return NULL;
    return __libc_realloc(p, all);
}
