"""Fetches the rows of a statement with a Python client and prints how many in a second.

fetch.py asyncpg|psycopg CONNINFO SQL
"""
import asyncio
import shlex
import sys
import time


async def by_asyncpg(parts, sql):
    import asyncpg

    connection = await asyncpg.connect(
        host=parts["host"], port=parts["port"], user=parts["user"], database=parts["dbname"]
    )
    statement = await connection.prepare(sql)
    start = time.perf_counter()
    rows = await statement.fetch()
    elapsed = time.perf_counter() - start
    await connection.close()
    return len(rows) / elapsed


def by_psycopg(conninfo, sql):
    import psycopg

    with psycopg.connect(conninfo) as connection, connection.cursor(binary=True) as cursor:
        start = time.perf_counter()
        rows = cursor.execute(sql).fetchall()
        return len(rows) / (time.perf_counter() - start)


client, conninfo, sql = sys.argv[1:]
if client == "asyncpg":
    parts = dict(part.split("=", 1) for part in shlex.split(conninfo))
    print(asyncio.run(by_asyncpg(parts, sql)))
else:
    print(by_psycopg(conninfo, sql))
