/// A message that a session sent to a channel with `NOTIFY` or `pg_notify`.
public struct PostgresNotification: Sendable, Hashable {
    /// The channel's name.
    public let channel: String
    /// The message; empty when the sender gave none.
    public let payload: String
    /// The server process of the sender's session.
    public let processID: Int32
}
