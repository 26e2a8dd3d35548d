// libpg_query: PostgreSQL's own scanner and parser as a library. Used as it is; the header needs no help.
#include <pg_query.h>
