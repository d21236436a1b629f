/* standard: the three standard descriptors are taken before anything else is opened. */
#ifndef CORE_BASE_STANDARD_H
#define CORE_BASE_STANDARD_H

/* First of all in main(): a file or socket that got the number of a closed one would have the log,
 * or the output, written into it. Using one that was closed fails all the same. */
void standard_open(void);

#endif
