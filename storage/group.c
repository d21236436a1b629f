/* group: one commit, and one wait for the disk, for all who write at the same time.
 *
 * DESIGN. Writers take turns, in the order in which they came. The first is the leader: LMDB's
 * write transaction is begun and ended by its thread. When the leader is ready to commit and others
 * are in line, it lets them in first: each works in a nested transaction, so that one that gives up
 * takes back nothing but its own, and passes the turn on. Then the leader commits for all of them,
 * and nobody is told before that commit has ended; if it fails, it failed for each. So twenty
 * commits cost one fsync, and a writer who finds nobody else pays for nothing.
 *
 * LMDB asks that a transaction be used by one thread at a time, and its writer's mutex belongs to a
 * thread: the first holds since the turn is passed under a lock, the second since only the leader
 * begins and ends the outer transaction.
 *
 * A group is open for GROUP_OPEN_MS and MEMBERS_MOST at the most. A large writer is never a member,
 * since those before it, whose work is done, would have to wait for it. */
#include "storage/group.h"

#include <assert.h>
#include <stddef.h>

#include "core/base/clock.h"

#define MEMBERS_MOST  32
#define GROUP_OPEN_MS 5

void group_init(struct group *g)
{
    *g = (struct group){0};
    pthread_mutex_init(&g->lock, NULL);
}

void group_release(struct group *g)
{
    assert(!g->busy);
    pthread_mutex_destroy(&g->lock);
}

static void give_turn(struct writer *w)
{
    w->turn = true;
    pthread_cond_signal(&w->wake);
}

/* Whoever has the turn gives it to the next in line, or back to the leader of the open group. */
static void pass_turn(struct group *g)
{
    struct writer *next = g->first, *leader = g->leader;
    bool full =
        leader && (g->n_members >= MEMBERS_MOST || clock_mono_ms() - g->opened_ms >= GROUP_OPEN_MS);
    if (leader && (!next || next->alone || full)) {
        g->leader = NULL;
        give_turn(leader);
        return;
    }
    g->busy = next != NULL;
    if (!next)
        return;
    g->first = next->next;
    if (!g->first)
        g->last = NULL;
    next->next = NULL;
    give_turn(next);
}

static void wait_turn(struct group *g, struct writer *w)
{
    while (!w->turn)
        pthread_cond_wait(&w->wake, &g->lock);
}

int group_begin(struct group *g, MDB_env *env, struct writer *w, bool alone)
{
    *w = (struct writer){.alone = alone};
    pthread_cond_init(&w->wake, NULL);
    pthread_mutex_lock(&g->lock);
    if (g->busy) {
        *(g->last ? &g->last->next : &g->first) = w;
        g->last = w;
        wait_turn(g, w);
    }
    g->busy = true;
    w->member = g->leader != NULL;
    MDB_txn *parent = w->member ? g->leader->mdb : NULL;
    pthread_mutex_unlock(&g->lock);

    int code = mdb_txn_begin(env, parent, 0, &w->mdb);
    if (code) {
        w->mdb = NULL;
        group_abort(g, w);
    }
    return code;
}

/* The leader, once it has the turn back: commits, and tells everybody. */
static int finish(struct group *g, struct writer *w, int (*commit)(void *arg, MDB_txn *txn),
                  void *arg)
{
    struct writer *members = g->members;
    g->members = NULL;
    g->n_members = 0;
    pthread_mutex_unlock(&g->lock);
    int code = commit(arg, w->mdb);
    pthread_mutex_lock(&g->lock);
    for (struct writer *m = members, *next; m; m = next) {
        next = m->next;
        m->code = code;
        m->done = true;
        pthread_cond_signal(&m->wake);
    }
    pass_turn(g);
    return code;
}

/* A member's part ends: it joins those who wait for the leader. */
static int join(struct group *g, struct writer *w)
{
    int code = mdb_txn_commit(w->mdb);
    pthread_mutex_lock(&g->lock);
    if (!code) {
        w->next = g->members;
        g->members = w;
        g->n_members++;
    }
    pass_turn(g);
    while (!code && !w->done)
        pthread_cond_wait(&w->wake, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return code ? code : w->code;
}

int group_commit(struct group *g, struct writer *w, int (*commit)(void *arg, MDB_txn *txn),
                 void *arg)
{
    int code;
    if (w->member) {
        code = join(g, w);
    } else {
        pthread_mutex_lock(&g->lock);
        g->leader = w;
        g->opened_ms = clock_mono_ms();
        w->turn = false;
        pass_turn(g);
        wait_turn(g, w);
        code = finish(g, w, commit, arg);
        pthread_mutex_unlock(&g->lock);
    }
    pthread_cond_destroy(&w->wake);
    return code;
}

void group_abort(struct group *g, struct writer *w)
{
    if (w->mdb)
        mdb_txn_abort(w->mdb);
    pthread_mutex_lock(&g->lock);
    pass_turn(g);
    pthread_mutex_unlock(&g->lock);
    pthread_cond_destroy(&w->wake);
}
