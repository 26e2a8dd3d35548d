extension RowHistory {
    /// The first violation in the history; `nil` when there is none.
    ///
    /// Pure: it knows nothing of a database, so histories can also be made up.
    public func violation() -> HistoryViolation? {
        do throws(HistoryViolation) {
            try checkVersions()
            let writes = try matchWrites()
            for call in calls { try checkAnswer(call) }
            try checkMoments(writes)
            return nil
        } catch {
            return error
        }
    }

    private func fail(_ rule: HistoryViolation.Rule, _ text: String) -> HistoryViolation {
        HistoryViolation(rule: rule, description: "\(rule): \(text)")
    }

    private func checkVersions() throws(HistoryViolation) {
        for version in versions where !version.isConsistent { throw fail(.reasonIffFailed, "\(version)") }
        for (before, after) in zip(versions, versions.dropFirst()) {
            let isDeletion =
                after.isDeleted && after.generation == before.generation && after.contents == before.contents
            let isUpdate = !after.isDeleted && after.generation > before.generation
            guard !before.isDeleted, isDeletion || isUpdate else {
                throw fail(.generationsGrow, "\(after) follows \(before)")
            }
        }
    }

    /// What made each version but the first: the interval in which it was made.
    private typealias Write = (began: Int, ended: Int)

    private func matchWrites() throws(HistoryViolation) -> [Write?] {
        var writes: [Write?] = [nil]
        var acknowledged = 0
        for (before, after) in zip(versions, versions.dropFirst()) {
            let asking = calls.filter { $0.request.makes(after, of: before) }
            let making = asking.filter { $0.answer == .made(before: before) }
            guard making.count <= 1 else { throw fail(.exactlyOnce, "\(after) was made by \(making.count) calls") }
            if let call = making.first {
                acknowledged += 1
                writes.append((call.began, call.ended))
            } else if let first = asking.filter({ $0.answer == .lost }).map(\.began).min() {
                // Whoever got no answer may have written at any time from the call on.
                writes.append((first, .max))
            } else if let claim = asking.first(where: { if case .made = $0.answer { true } else { false } }) {
                throw fail(.exactlyOnce, "\(claim), and before \(after) stood \(before)")
            } else {
                throw fail(.everyVersionWasAskedFor, "nobody wrote \(after)")
            }
        }
        let claims = calls.count { if case .made = $0.answer { true } else { false } }
        guard claims == acknowledged else {
            throw fail(.exactlyOnce, "\(claims) changes are acknowledged, \(acknowledged) of them are in the log")
        }
        return writes
    }

    private func checkAnswer(_ call: RowCall) throws(HistoryViolation) {
        let follows: Bool =
            switch (call.request, call.answer) {
            case (_, .lost): true
            case (.update(let generation, _), .made(let before)):
                !before.isDeleted && before.generation < generation
            case (.update(let generation, let contents), .alreadyMade(let now)):
                now == RowVersion(generation, contents)
            case (.update(let generation, let contents), .refused(let now)):
                !now.isDeleted && now.generation >= generation && now != RowVersion(generation, contents)
            case (.replace, .made(let before)): !before.isDeleted
            case (.replace(_, let spared), .refused(let now)): !now.isDeleted && spared.contains(String(now.state))
            case (.replace, .alreadyMade): false
            case (.update, .deleted(let now)), (.replace, .deleted(let now)): now.isDeleted
            case (.delete, .made(let before)): !before.isDeleted
            case (.delete, .alreadyMade(let now)): now.isDeleted
            case (.delete, .refused(let now)): !now.isDeleted
            case (.delete, .deleted): false
            }
        guard follows else { throw fail(.answersFollow, "\(call)") }
    }

    /// Versions have an order, so calls have places in it: a write at its version, an answer behind the version that it
    /// shows.
    ///
    /// It can have been so unless a call ended before one began whose place is earlier.
    private func checkMoments(_ writes: [Write?]) throws(HistoryViolation) {
        var answers: [[RowCall]] = Array(repeating: [], count: versions.count)
        for call in calls {
            guard let now = call.answer.now else { continue }
            guard let place = versions.firstIndex(of: now) else {
                throw fail(.answersWereTrue, "\(call), and the row never was that")
            }
            answers[place].append(call)
        }
        var latest = Int.min
        for (place, version) in versions.enumerated() {
            if let write = writes[place] {
                guard write.ended >= latest else {
                    throw fail(
                        .answersWereTrue,
                        "\(version) was written before \(latest), at which it was not there yet"
                    )
                }
                latest = max(latest, write.began)
            }
            for call in answers[place] where call.ended < latest {
                throw fail(.answersWereTrue, "\(call), and from \(latest) on that was to come or past")
            }
            latest = max(latest, answers[place].map(\.began).max() ?? latest)
        }
    }
}

extension RowCall.Request {
    /// Whether this is what turns one version into another.
    fileprivate func makes(_ after: RowVersion, of before: RowVersion) -> Bool {
        switch self {
        case .delete: after.isDeleted
        case .update(let generation, let contents):
            !after.isDeleted && after.generation == generation && after.contents == contents
        case .replace(let contents, let spared):
            !after.isDeleted && after.generation == before.generation + 1 && after.contents == contents
                && !spared.contains(String(before.state))
        }
    }
}

extension RowCall.Answer {
    /// The row that an answer shows which changed nothing.
    fileprivate var now: RowVersion? {
        switch self {
        case .alreadyMade(let now), .refused(let now), .deleted(let now): now
        case .made, .lost: nil
        }
    }
}
