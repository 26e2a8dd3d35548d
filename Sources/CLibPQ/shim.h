// What libpq and the kernel offer but Swift cannot import as it stands. Header only; each entry says why it exists.
#ifndef VMM_STORE_CLIBPQ_SHIM_H
#define VMM_STORE_CLIBPQ_SHIM_H

#include <libpq-fe.h>
#include <stdint.h>

// epoll and eventfd are not part of Swift's Glibc module.
#include <sys/epoll.h>
#include <sys/eventfd.h>

// EPOLL_EVENTS is imported as an opaque enum that does not combine, and EPOLLONESHOT overflows a signed constant.
static const uint32_t VMM_EPOLLIN = EPOLLIN;
static const uint32_t VMM_EPOLLOUT = EPOLLOUT;
static const uint32_t VMM_EPOLLONESHOT = EPOLLONESHOT;

// ppoll(2) is declared for _GNU_SOURCE only, which Swift's Glibc module does not define.
#include <poll.h>
#include <signal.h>
#include <time.h>
extern int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

// The PG_DIAG_* macros are character literals, which Swift does not import.
enum {
    VMM_DIAG_SEVERITY = PG_DIAG_SEVERITY_NONLOCALIZED,
    VMM_DIAG_SQLSTATE = PG_DIAG_SQLSTATE,
    VMM_DIAG_MESSAGE = PG_DIAG_MESSAGE_PRIMARY,
    VMM_DIAG_DETAIL = PG_DIAG_MESSAGE_DETAIL,
    VMM_DIAG_HINT = PG_DIAG_MESSAGE_HINT,
    VMM_DIAG_POSITION = PG_DIAG_STATEMENT_POSITION,
    VMM_DIAG_INTERNAL_POSITION = PG_DIAG_INTERNAL_POSITION,
    VMM_DIAG_INTERNAL_QUERY = PG_DIAG_INTERNAL_QUERY,
    VMM_DIAG_CONTEXT = PG_DIAG_CONTEXT,
    VMM_DIAG_SCHEMA = PG_DIAG_SCHEMA_NAME,
    VMM_DIAG_TABLE = PG_DIAG_TABLE_NAME,
    VMM_DIAG_COLUMN = PG_DIAG_COLUMN_NAME,
    VMM_DIAG_DATATYPE = PG_DIAG_DATATYPE_NAME,
    VMM_DIAG_CONSTRAINT = PG_DIAG_CONSTRAINT_NAME,
    VMM_DIAG_FILE = PG_DIAG_SOURCE_FILE,
    VMM_DIAG_LINE = PG_DIAG_SOURCE_LINE,
    VMM_DIAG_ROUTINE = PG_DIAG_SOURCE_FUNCTION,
};

#endif
