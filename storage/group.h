/* group: one commit, and one wait for the disk, for all who write at the same time. Private to
 * storage/. */
#ifndef STORAGE_GROUP_H
#define STORAGE_GROUP_H

#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* One writer, from group_begin() to group_commit() or group_abort(); a part of its transaction. */
struct writer {
    struct writer *next; /* in line, or among the members of the open group */
    pthread_cond_t wake;
    MDB_txn *mdb;
    bool alone;  /* never a member: it would keep those before it waiting */
    bool member; /* `mdb` is a child of the leader's transaction */
    bool turn;   /* has it, or (the leader) has it back */
    bool done;   /* the group's commit has ended, with: */
    int code;
};

struct group {
    pthread_mutex_t lock;        /* a leaf */
    bool busy;                   /* somebody has the turn */
    struct writer *first, *last; /* in line for it */
    struct writer *leader;       /* of the open group; NULL: none is open */
    struct writer *members;
    unsigned n_members;
    int64_t opened_ms; /* monotonic */
};

void group_init(struct group *g);
void group_release(struct group *g);

/* Waits for its turn, then begins w->mdb. 0 or LMDB's code: then it is over. */
int group_begin(struct group *g, MDB_env *env, struct writer *w, bool alone);
/* Returns when what was written is on disk, or with the code why not. `commit` is called once for
 * the whole group, by the thread of its leader. */
int group_commit(struct group *g, struct writer *w, int (*commit)(void *arg, MDB_txn *txn),
                 void *arg);
void group_abort(struct group *g, struct writer *w);

#endif
