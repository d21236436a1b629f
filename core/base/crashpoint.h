/* crashpoint: places where tests make the process die; nothing at all in a release build.
 *
 * Built with -DCALMIRROR_TEST, CRASHPOINT("name") kills the process (SIGKILL) when the environment
 * has CALMIRROR_CRASH=name, or name:N for its Nth pass. */
#ifndef CORE_BASE_CRASHPOINT_H
#define CORE_BASE_CRASHPOINT_H

#ifdef CALMIRROR_TEST
void crashpoint_hit(const char *name);
#define CRASHPOINT(name) crashpoint_hit(name)
#else
#define CRASHPOINT(name) ((void)0)
#endif

#endif
