/* standard: the three standard descriptors are taken before anything else is opened. */
#include "core/base/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/base/must.h"

void standard_open(void)
{
    /* The wrong way round: what is written to it must not seem to have been. */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            must_end("/dev/null: %s", strerror(errno));
}
