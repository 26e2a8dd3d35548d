import Postgres
import TestSupport
import Testing

@testable import SchemaMigrations

/// Pages of which many rows change are walked several times, a share of their rows each.
@Suite struct BackfillRoundTests {
    private func batch(_ round: BackfillRound, from: Int64, pages: Int64) -> BackfillBatch {
        BackfillBatch(
            table: .none,
            span: .pages(from: from, to: from + pages),
            limit: 0,
            manner: .atOnce,
            share: round.share
        )
    }

    @Test func `as many shares as pay follow a round that changed many rows of each page`() {
        for (rowsPerPage, count) in [(0.5, 1), (2.0, 2), (3.9, 2), (4.0, 4), (60.0, 4)] {
            #expect(RowShare(rowsPerPage: rowsPerPage).count == count)
        }
    }

    @Test func `a round ends behind its last share, and only then the pace learns how long its slowest batch took`() {
        var round = BackfillRound()
        #expect(round.book(batch(round, from: 0, pages: 10), rows: 60, took: .milliseconds(5)) == .milliseconds(5))
        let took: [Duration] = [.milliseconds(20), .milliseconds(7), .milliseconds(6), .milliseconds(5)]
        var ends: [Duration?] = []
        for (number, duration) in took.enumerated() {
            #expect(round.share.number == number)
            #expect(round.pages == (number == 0 ? nil : 100))
            ends.append(round.book(batch(round, from: 10, pages: 100), rows: 50, took: duration))
        }
        #expect(ends == [nil, nil, nil, .milliseconds(20)])
        #expect(round.share == RowShare(rowsPerPage: 2))
        #expect(round.pages == nil)
    }

    @Test func `what passes over locked rows takes all rows, and ends the round`() {
        var round = BackfillRound(share: RowShare(rowsPerPage: 4))
        let passing = batch(round, from: 0, pages: 8).inManner(.skippingLocked)
        #expect(passing.share == .all)
        #expect(round.book(passing, rows: 4, took: .milliseconds(1)) == .milliseconds(1))
        #expect(round.share == .all)
    }

    @Test func `the cursor moves on behind the last share only`() {
        var cursor = BackfillCursor(
            start: BackfillTable(relation: 1, storage: 1, size: 100, partition: nil, key: [])
        )
        var round = BackfillRound(share: RowShare(rowsPerPage: 2))
        for nextPage in [0, 8] as [Int64] {
            let part = batch(round, from: 0, pages: 8)
            cursor = cursor.after(part, part.span, rows: 3)
            _ = round.book(part, rows: 3, took: .milliseconds(1))
            #expect(cursor.nextPage == nextPage)
        }
        #expect(cursor.rows == 6)
        #expect(cursor.batches == 2)
    }

    @Test func `rows of full pages are changed in their pages, without new entries in the indexes`() async throws {
        // A server of its own: what is open in another database of a shared one keeps rows from being pruned.
        try await OwnServer.with([:]) { own in
            let files = [
                "0001_base/up.sql": """
                CREATE TABLE t (id int PRIMARY KEY, n int, pad text);
                INSERT INTO t SELECT g, CASE WHEN g % 6 <> 0 THEN 1 END, repeat('x', 90) FROM generate_series(1, 60000) g;
                """,
                "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = 7 WHERE n IS NULL\n",
            ]
            let migrator = try own.migrator(files) { $0.batchPages = 50 }
            _ = try await migrator.up()
            // What a session has done is counted when it ends.
            try await waitUntil {
                try await own.connection.value("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 't'")
                    == Int64(10_000)
            }
            let inPlace: Int64 = try await own.connection.value(
                "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 't'"
            )
            #expect(inPlace > 2500)
        }
    }

    @Test func `only the share with which the cursor moves on waits for the disk`() async throws {
        try await OwnServer.with(["synchronous_commit": "on"]) { own in
            let files = [
                "0001_base/up.sql": """
                CREATE TABLE t (id int PRIMARY KEY, n int);
                INSERT INTO t (id) SELECT generate_series(1, 2000);
                CREATE TABLE seen (place name, setting text);
                CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    INSERT INTO public.seen VALUES (TG_TABLE_NAME, current_setting('synchronous_commit'));
                    RETURN NULL;
                END $$;
                CREATE TRIGGER see AFTER UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION see();
                CREATE TRIGGER see AFTER UPDATE ON migrate_backfill FOR EACH ROW
                    WHEN (OLD.next_page <> NEW.next_page)
                    EXECUTE FUNCTION see();
                """,
                "0002_fill/up.sql": "-- migrate: backfill table=t\nUPDATE t SET n = 7 WHERE n IS NULL\n",
            ]
            _ = try await own.migrator(files) { $0.batchPages = 1 }.up()
            let seen: [String] = try await own.connection.query(
                "SELECT DISTINCT place || ' ' || setting FROM seen ORDER BY 1"
            ).map { try $0.decode(at: 0) }
            #expect(seen == ["migrate_backfill on", "t off", "t on"])
        }
    }
}
