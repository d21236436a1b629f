/* fuzz_conf: any bytes as a configuration file: accepted or refused with a reason, and if accepted,
 * printing and reading it again changes nothing. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/conf/conf.h"
#include "core/conf/print.h"
#include "tests/fuzz/fuzz.h"

static enum rc load(const void *data, size_t size, struct conf **ret, struct buf *problems)
{
    char path[64];
    int fd = memfd_create("conf", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    enum rc rc = conf_load(path, ret, problems);
    close(fd);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf *c = NULL, *again = NULL;
    struct buf problems = {0}, printed = {0}, diff = {0};
    enum rc rc = load(data, size, &c, &problems);
    if ((rc == RC_OK) != (c != NULL) || (rc == RC_OK) != (problems.n == 0))
        abort();
    if (c) {
        conf_print(c, &printed);
        if (load(printed.p, printed.n, &again, &problems) != RC_OK)
            abort();
        conf_diff(c, again, &diff, &diff);
        if (diff.n > 0)
            abort();
    }
    conf_free(c);
    conf_free(again);
    buf_release(&problems);
    buf_release(&printed);
    buf_release(&diff);
    return 0;
}
