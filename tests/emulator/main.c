/* gcal-emulator: an in-memory Google Calendar for tests and demonstrations. */
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/emulator/deliver.h"
#include "tests/emulator/emu.h"
#include "tests/emulator/seed.h"
#include "tests/emulator/server.h"

#define EX_USAGE       64
#define EX_UNAVAILABLE 69
#define EX_CONFIG      78

static const char USAGE[] =
    "usage: gcal-emulator [options]\n"
    "\n"
    "An in-memory Google Calendar API v3, with faults on demand under /_emulator/.\n"
    "\n"
    "  --listen HOST:PORT   where to serve (127.0.0.1:8085); port 0 takes a free one\n"
    "  --seed FILE          the world to begin with: see tests/emulator/CONTROL.md\n"
    "  --generate N         a calendar big@example.com with N events\n"
    "  --random-seed N      for ids and generated events (1)\n"
    "  -h, --help           this text\n"
    "  -V, --version        the version\n"
    "\n"
    "Without --seed the world is one user, me@example.com, with the access token\n"
    "test-token. Prints \"listening on URL\" once it serves. SIGTERM and SIGINT end it.\n";

struct options {
    const char *listen, *seed;
    long generate;
    uint64_t random_seed;
};

/* False: the program ends with *ret_exit. */
static bool parse_options(int argc, char **argv, struct options *o, int *ret_exit)
{
    static const struct option LONG[] = {{"listen", required_argument, NULL, 'l'},
                                         {"seed", required_argument, NULL, 's'},
                                         {"generate", required_argument, NULL, 'g'},
                                         {"random-seed", required_argument, NULL, 'r'},
                                         {"help", no_argument, NULL, 'h'},
                                         {"version", no_argument, NULL, 'V'},
                                         {0}};
    char *end;
    for (int c; (c = getopt_long(argc, argv, "hV", LONG, NULL)) != -1;) {
        switch (c) {
        case 'l':
            o->listen = optarg;
            break;
        case 's':
            o->seed = optarg;
            break;
        case 'g':
            o->generate = strtol(optarg, &end, 10);
            if (end == optarg || *end != '\0') {
                o->generate = -1;
            }
            break;
        case 'r':
            o->random_seed = strtoull(optarg, NULL, 10);
            break;
        case 'h':
            fputs(USAGE, stdout);
            *ret_exit = 0;
            return false;
        case 'V':
            puts("gcal-emulator " CALMIRROR_VERSION);
            *ret_exit = 0;
            return false;
        default: /* getopt has said what is wrong */
            fputs("Try 'gcal-emulator --help'.\n", stderr);
            *ret_exit = EX_USAGE;
            return false;
        }
    }
    if (optind < argc || o->generate < 0 || o->generate > 5000000) {
        if (optind < argc) {
            fprintf(stderr, "gcal-emulator: '%s': no arguments are taken\n", argv[optind]);
        } else {
            fputs("gcal-emulator: --generate: give a number from 0 to 5000000\n", stderr);
        }
        fputs("Try 'gcal-emulator --help'.\n", stderr);
        *ret_exit = EX_USAGE;
        return false;
    }
    return true;
}

/* Held requests and their receivers take many descriptors. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool make_world(struct emu *e, const struct options *o)
{
    char *why = NULL;
    bool good = o->seed ? seed_file(e, o->seed, &why) : seed_default(e, &why);
    if (good && o->generate > 0) {
        seed_generate(e, "big@example.com", o->generate, o->random_seed);
    }
    if (!good) {
        fprintf(stderr, "gcal-emulator: %s\n", why);
        free(why);
    }
    return good;
}

static void emu_release(struct emu *e)
{
    channels_release(e);
    faults_release(&e->faults);
    quota_release(&e->quota);
    reqlog_release(&e->log);
    auth_release(&e->auth);
    world_release(&e->world);
    timers_release(&e->timers);
    zones_release();
    free(e->pages.tombstones);
    free(e->pages.tokenless);
    free(e->base_url);
}

int main(int argc, char **argv)
{
    static struct emu emu;
    struct options o = {.listen = "127.0.0.1:8085", .random_seed = 1};
    int code = EX_UNAVAILABLE;
    if (!parse_options(argc, argv, &o, &code)) {
        return code;
    }
    raise_file_limit();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    world_init(&emu.world, o.random_seed);
    auth_init(&emu.auth);
    channels_init(&emu);
    struct server *server = server_new(&emu, o.listen);
    if (server != NULL) {
        code = EX_CONFIG;
        if (make_world(&emu, &o)) {
            printf("listening on %s\n", emu.base_url);
            fflush(stdout);
            server_run(server);
            code = 0;
        }
        server_free(server);
    }
    emu_release(&emu);
    curl_global_cleanup();
    return code;
}
