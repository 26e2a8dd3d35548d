/// Takes passwords out of texts that quote the command line.
package enum Redaction {
    /// The text with an ellipsis in the place of passwords in URLs and in `key=value` pairs.
    package static func withoutPasswords(_ text: String) -> String {
        text
            .replacing(#/:\/\/([^:\/@\s]*):[^\s']*@/#) { "://\($0.output.1):…@" }
            .replacing(#/(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&']+)/#) { "\($0.output.1)…" }
    }
}
