/// One thing that is measured; its figures are ratios to something outside this project.
struct Benchmark: Sendable {
    let name: String
    let summary: String
    /// Whether the server waits for the disk, as a production server does.
    let isDurable: Bool
    let run: @Sendable (Stage) async throws -> [Figure]

    init(
        _ name: String,
        _ summary: String,
        isDurable: Bool = false,
        run: @escaping @Sendable (Stage) async throws -> [Figure]
    ) {
        self.name = name
        self.summary = summary
        self.isDurable = isDurable
        self.run = run
    }

    /// In the order in which they run.
    static let all: [Benchmark] = [
        .guardedUpdate, .guardedUpdatePooled, .guardedUpdate16, .guardedUpdate1024, .pipeline, .bulk, .decode, .stream,
        .copyIn, .noop, .thousand, .connect, .poolChurn, .growth, .flagship,
    ]
}
