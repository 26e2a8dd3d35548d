import Glibc

/// Where a command writes: results to stdout, everything else to stderr.
struct Console: Sendable {
    /// Whether only results and errors are wanted.
    let isQuiet: Bool
    /// Whether more is wanted.
    let isVerbose: Bool
    /// How results look.
    let resultStyle: TextStyle
    /// How messages look.
    let messageStyle: TextStyle
    /// Whether a line on stderr can be drawn anew.
    let isLive: Bool

    init(isQuiet: Bool, isVerbose: Bool, allowsColor: Bool, environment: [String: String]) {
        let isDumb = environment["TERM"] == "dumb"
        let isColored = allowsColor && environment["NO_COLOR", default: ""].isEmpty && !isDumb
        self.isQuiet = isQuiet
        self.isVerbose = isVerbose
        resultStyle = TextStyle(isColored: isColored && StandardStream.output.isTerminal)
        messageStyle = TextStyle(isColored: isColored && StandardStream.error.isTerminal)
        isLive = StandardStream.error.isTerminal && !isDumb
    }

    /// Writes a result.
    func result(_ text: String) {
        StandardStream.output.write(text + "\n")
    }

    /// Writes a message, unless only results and errors are wanted.
    func message(_ text: String) {
        if !isQuiet { StandardStream.error.write(text + "\n") }
    }

    /// Writes an error.
    func error(_ error: any Error) {
        StandardStream.error.write(Failure.text(of: Failure.describing(error), messageStyle) + "\n")
    }
}

/// One of the process's output streams, unbuffered, so that lines of both keep their order on a terminal.
struct StandardStream: Sendable {
    static let output = StandardStream(descriptor: STDOUT_FILENO)
    static let error = StandardStream(descriptor: STDERR_FILENO)

    let descriptor: Int32

    /// Whether a person looks at it.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// How many columns the terminal has now; 80 where it does not say.
    var columns: Int { size.columns }

    /// How many columns and rows the terminal has now; 80 and 24 where it does not say.
    var size: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return (80, 24) }
        return (size.ws_col > 0 ? Int(size.ws_col) : 80, size.ws_row > 0 ? Int(size.ws_row) : 24)
    }

    /// Writes all of a text; what nobody reads any more is dropped.
    func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            }
        }
    }
}
