import Foundation
import Glibc
import Postgres
import Subprocess
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// A pseudo-terminal with a program in it, and what a person sees there.
final class Terminal: Sendable {
    private let master: Int32
    private let name: String
    private let bytes = Lock<[UInt8]>([])

    private init(columns: Int, rows: Int) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        // TIOCSPTLCK and TIOCGPTN, which Swift cannot import: what unlockpt and ptsname do.
        var locked: Int32 = 0
        var number: UInt32 = 0
        guard master >= 0, ioctl(master, 0x4004_5431, &locked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw Errno(rawValue: errno)
        }
        name = "/dev/pts/\(number)"
        try resize(columns: columns, rows: rows)
    }

    /// Everything that was written so far.
    var output: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

    /// What each drawing of the live line showed, in their order.
    var liveLines: [String] {
        output.components(separatedBy: "\r").dropFirst().compactMap { part in
            guard let end = part.range(of: "\u{1B}[K") else { return nil }
            let line = String(part[..<end.lowerBound])
            return line.contains("\n") ? nil : line
        }
    }

    /// What is on the screen, in lines without their trailing blanks.
    func screen(columns: Int) -> [String] {
        var screen = Screen(columns: columns)
        screen.write(output)
        return screen.lines
    }

    func resize(columns: Int, rows: Int = 24) throws {
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(master, UInt(TIOCSWINSZ), &size) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Types something.
    func type(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
    }

    /// Waits until the output fulfils a condition; the limit is far beyond what it takes.
    func wait(_ what: String, until condition: (Terminal) -> Bool) async throws {
        for _ in 0..<2400 {
            if condition(self) { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        Issue.record("never seen: \(what), but \(output.debugDescription)")
    }

    /// Runs `migrate` as the foreground program of a new terminal.
    ///
    /// - Returns: The terminal at the end, and the exit code as a shell tells it.
    static func migrate(
        _ arguments: [String],
        in project: Project,
        columns: Int = 80,
        environment: [String: String] = [:],
        _ body: @escaping @Sendable (Terminal) async throws -> Void = { _ in }
    ) async throws -> (terminal: Terminal, exitCode: Int32) {
        let terminal = try Terminal(columns: columns, rows: 24)
        let side = FileDescriptor(rawValue: open(terminal.name, O_RDWR | O_NOCTTY | O_CLOEXEC))
        guard side.rawValue >= 0 else { throw Errno(rawValue: errno) }
        terminal.read()
        var changes: [Environment.Key: String?] = [
            "TERM": "xterm", "MIGRATE_DATABASE_URL": project.database.connectionString,
        ]
        changes.updateValue(nil, forKey: "NO_COLOR")
        for (name, value) in environment { changes[try #require(Environment.Key(rawValue: name))] = value }
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("migrate").path
        let result = try await Subprocess.run(
            .path("/usr/bin/setsid"),
            arguments: Arguments(["--ctty", "--wait", program] + arguments),
            environment: .inherit.updating(changes),
            workingDirectory: FilePath(project.folder),
            input: .fileDescriptor(side, closeAfterSpawningProcess: false),
            output: .fileDescriptor(side, closeAfterSpawningProcess: false),
            error: .fileDescriptor(side, closeAfterSpawningProcess: false)
        ) { _ in
            try await body(terminal)
        }
        try side.close()
        try await terminal.wait("the end") { $0.isAtEnd.load(ordering: .acquiring) }
        switch result.terminationStatus {
        case .exited(let code): return (terminal, code)
        case .signaled(let signal): return (terminal, 128 + signal)
        }
    }

    private let isAtEnd = Atomic<Bool>(false)

    /// Reads on a thread of its own until the last one who could write is gone.
    private func read() {
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = Glibc.read(master, &buffer, buffer.count)
                guard count > 0 else { break }
                bytes.withLock { $0 += buffer[..<count] }
            }
            close(master)
            isAtEnd.store(true, ordering: .releasing)
        }
    }
}

/// As much of a terminal as the program needs: lines that wrap, return, erasing, colours that are not shown.
private struct Screen {
    private let columns: Int
    private var rows: [[Character]] = [[]]
    private var row = 0
    private var column = 0

    init(columns: Int) {
        self.columns = columns
    }

    var lines: [String] {
        rows.map { String($0).replacing(#/ +$/#, with: "") }
    }

    mutating func write(_ text: String) {
        var rest = Array(text.replacing("\r\n", with: "\u{0}"))[...]
        while let character = rest.popFirst() {
            switch character {
            case "\r": column = 0
            case "\n", "\u{0}": newLine()
            case "\u{1B}": escape(&rest)
            default: put(character)
            }
        }
    }

    private mutating func newLine() {
        row += 1
        column = 0
        if row == rows.count { rows.append([]) }
    }

    private mutating func put(_ character: Character) {
        if column == columns { newLine() }
        while rows[row].count <= column { rows[row].append(" ") }
        rows[row][column] = character
        column += 1
    }

    private mutating func escape(_ rest: inout ArraySlice<Character>) {
        guard rest.popFirst() == "[" else { return }
        while let character = rest.popFirst() {
            guard character.isLetter else { continue }
            switch character {
            case "K": rows[row] = Array(rows[row].prefix(column))
            case "H": (row, column) = (0, 0)
            case "J": rows = Array(rows.prefix(row)) + [Array(rows[row].prefix(column))]
            default: break
            }
            return
        }
    }
}
