/* replay: gives each file of a corpus to a fuzz target once: fuzz_NAME FILE_OR_DIRECTORY... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static bool replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0) {
        perror(path);
        if (f)
            fclose(f);
        return false;
    }
    /* Exactly as large as the input, so that a sanitizer sees the first byte read past it. */
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size ? size : 1);
    bool ok = data && fread(data, 1, size, f) == size;
    fclose(f);
    if (ok)
        (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return ok;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static unsigned replay(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, not_hidden, alphasort);
    if (n < 0)
        return replay_file(path) ? 1 : 0;
    unsigned count = 0;
    for (int i = 0; i < n; i++) {
        char file[4096];
        (void)snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        count += replay_file(file);
        free(names[i]);
    }
    free(names);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%s: %u inputs\n", argv[0], count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* an empty corpus tests nothing */
}
