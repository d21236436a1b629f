/* req: one HTTP request on its way through the emulator, and the answer being made. */
#ifndef EMULATOR_REQ_H
#define EMULATOR_REQ_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/emulator/json.h"
#include "tests/emulator/util.h"

#define REQ_BODY_MAX (64 << 20) /* seeds of large worlds come this way */
#define REQ_SEGMENTS 8

struct emu;
struct user;
struct route;
struct fault;
struct timer;

struct param {
    char *name, *value;
};

enum stage { STAGE_NEW, STAGE_WAITED, STAGE_ANSWERED, STAGE_WAITED_AFTER, STAGE_DROP };

struct req {
    struct emu *emu;
    struct MHD_Connection *conn;
    const char *method;
    char *uri;       /* as it came */
    char *path;      /* decoded as a whole, for the log and for fault rules */
    char *raw_query; /* "" when none */
    struct param *params;
    size_t n_params;
    char *segment[REQ_SEGMENTS]; /* of the path, each decoded */
    int n_segments;
    const char *arg[3]; /* the parts of the path a route takes */
    struct buf body;
    bool started, too_big;

    enum stage stage;
    bool suspended, held, waiting_for_ping;
    struct timer *timer;
    struct fault *fault; /* counted reference */
    uint64_t log_n;
    int64_t begun_us;

    struct user *user;         /* NULL: anonymous */
    const struct route *route; /* NULL: unknown path */
    uint32_t scopes;

    int status;
    struct buf out; /* compact JSON unless content_type says otherwise */
    const char *content_type;
    char *etag;
    struct param *headers;
    size_t n_headers;
    int indent;     /* when pretty */
    size_t allowed; /* bytes a crawling answer may have sent by now */
    struct req *prev_live, *next_live;
};

struct req *req_new(struct emu *emu, const char *uri);
void req_free(struct req *r);

const char *req_header(const struct req *r, const char *name); /* of the request, or NULL */
const char *req_param(const struct req *r, const char *name);  /* the first, or NULL */
bool req_is_control(const struct req *r);

void req_add_header(struct req *r, const char *name, const char *value); /* of the answer */
/* Answers. The last one given stands. `o` is taken. */
void req_answer(struct req *r, int status, struct json_object *o);
void req_answer_text(struct req *r, int status, const char *text);
void req_answer_empty(struct req *r, int status);

#endif
