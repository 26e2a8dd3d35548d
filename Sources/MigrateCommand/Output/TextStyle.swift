import Rainbow

/// Colours, or none; decided for each stream by itself, so Rainbow's process-wide switch is not used.
struct TextStyle: Sendable, Equatable {
    /// What a text is about.
    enum Color {
        case green
        case yellow
        case red
        case cyan

        fileprivate var code: NamedColor {
            switch self {
            case .green: .green
            case .yellow: .yellow
            case .red: .red
            case .cyan: .cyan
            }
        }
    }

    static let plain = TextStyle(isColored: false)

    let isColored: Bool

    /// The text in a colour.
    func paint(_ text: String, _ color: Color) -> String {
        guard isColored, !text.isEmpty else { return text }
        let codes = color.code.value.map { String($0) }.joined(separator: ";")
        return "\u{1B}[\(codes)m\(text)\u{1B}[0m"
    }
}
