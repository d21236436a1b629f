/* recur-expand: expands the series it reads, one a line, for the tests that compare with another
 * engine.
 *
 * Input, separated by tabs: zone, "date" | "utc" | "wall", start and end in seconds, window in
 * seconds ("-" = no bound), most instances to print, then the lines of the recurrence separated by
 * blanks. Output, one line each: "ok" or the name of the error with its text, then "start:end:slot"
 * in seconds; "..." when there are more than asked for. With -b the bounds of the set instead. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar/recur.h"

enum { ZONE, KIND, START, END, MIN, MAX, MOST, LINES, FIELDS };

static int64_t number(const char *text, int64_t none)
{
    return strcmp(text, "-") == 0 ? none : strtoll(text, NULL, 10);
}

static enum rc build(struct recur_set **ret, char **field, struct err *e)
{
    const struct zone *zone = zone_find(field[ZONE]);
    struct recur_start start = {
        .zone = zone,
        .start_ms = number(field[START], 0) * 1000,
        .end_ms = number(field[END], 0) * 1000,
        .all_day = strcmp(field[KIND], "date") == 0,
        .wall = strcmp(field[KIND], "wall") == 0,
    };
    struct recur_set *set = NULL;
    enum rc rc;

    if (!zone)
        return err_set(e, RC_INVALID, "unknown zone %s", field[ZONE]);
    rc = recur_new(&set, &start, e);
    for (char *line = strtok(field[LINES], " "); rc == RC_OK && line; line = strtok(NULL, " "))
        rc = recur_add(set, (struct span){line, strlen(line)}, e);
    if (rc == RC_OK)
        rc = recur_seal(set, e);
    if (rc == RC_OK)
        *ret = set;
    else
        recur_free(set);
    return rc;
}

/* Looking an instance up by its slot has to find the same one, and none between two seconds. */
static bool found_again(const struct recur_set *set, const struct recur_instance *in)
{
    struct recur_instance again = {0};
    enum rc rc = recur_find_slot(set, in->slot_ms, &again, NULL);

    return rc == RC_OK && memcmp(&again, in, sizeof(again)) == 0 &&
           recur_find_slot(set, in->slot_ms + 500, &again, NULL) == RC_NOTFOUND;
}

static void print_instances(const struct recur_set *set, char **field)
{
    int64_t min = number(field[MIN], INT64_MIN / 1000), max = number(field[MAX], INT64_MAX / 1000);
    struct recur_iter *it = recur_open(set, min * 1000, max * 1000, RECUR_BUDGET);
    struct recur_instance in;
    struct err e = {0};
    int64_t most = number(field[MOST], INT64_MAX);
    int lookups = 5;
    enum rc rc;

    printf("ok");
    while (most > 0 && recur_next(it, &in)) {
        printf(" %" PRId64 ":%" PRId64 ":%" PRId64, in.start_ms / 1000, in.end_ms / 1000,
               in.slot_ms / 1000);
        if (lookups-- > 0 && !found_again(set, &in))
            printf(" not found again");
        most--;
    }
    if (most == 0 && recur_next(it, &in))
        printf(" ...");
    rc = recur_close(it, &e);
    if (rc != RC_OK)
        printf(" %s: %s", rc_name(rc), e.text);
    printf("\n");
}

static void print_bounds(const struct recur_set *set)
{
    int64_t first, last;

    recur_bounds(set, &first, &last);
    printf("ok %" PRId64 " ", first / 1000);
    if (last == INT64_MAX)
        printf("-\n");
    else
        printf("%" PRId64 "\n", last / 1000);
}

int main(int argc, char **argv)
{
    bool bounds = argc == 2 && strcmp(argv[1], "-b") == 0;
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        char *field[FIELDS] = {0};
        char *rest = line;
        struct recur_set *set = NULL;
        struct err e = {0};
        enum rc rc;

        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < FIELDS; i++)
            field[i] = rest ? strsep(&rest, "\t") : "";
        if (!field[LINES]) {
            fprintf(stderr, "recur-expand: a line has too few fields\n");
            return 1;
        }
        rc = build(&set, field, &e);
        if (rc != RC_OK)
            printf("%s: %s\n", rc_name(rc), e.text);
        else if (bounds)
            print_bounds(set);
        else
            print_instances(set, field);
        recur_free(set);
    }
    free(line);
    return 0;
}
