extension RowHistory {
    /// A smaller history that breaks the same rule: no call of it, and no version, can be left out.
    public func shrunk() -> RowHistory {
        guard let rule = violation()?.rule else { return self }
        var smallest = self
        var isShrinking = true
        while isShrinking {
            isShrinking = false
            for candidate in smallest.smaller where candidate.violation()?.rule == rule {
                smallest = candidate
                isShrinking = true
                break
            }
        }
        return smallest
    }

    /// The history without its last versions, without one version, and without one call, the largest cuts first.
    private var smaller: [RowHistory] {
        var histories: [RowHistory] = []
        if versions.count > 2 {
            histories.append(with { $0.versions.removeLast($0.versions.count / 2) })
            histories.append(with { $0.versions.removeFirst($0.versions.count / 2) })
        }
        if calls.count > 2 {
            histories.append(with { $0.calls.removeLast($0.calls.count / 2) })
            histories.append(with { $0.calls.removeFirst($0.calls.count / 2) })
        }
        if versions.count > 1 { histories += versions.indices.map { index in with { $0.versions.remove(at: index) } } }
        return histories + calls.indices.map { index in with { $0.calls.remove(at: index) } }
    }

    private func with(_ change: (inout RowHistory) -> Void) -> RowHistory {
        var copy = self
        change(&copy)
        return copy
    }

    /// What to print of a violation: the rule, and the shrunken history.
    public var report: String? {
        guard let violation = violation() else { return nil }
        return "\(violation)\n\(shrunk())"
    }
}
