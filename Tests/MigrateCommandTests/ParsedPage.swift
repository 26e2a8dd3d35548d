import Foundation
import FoundationXML

/// A page as an XML parser sees it.
final class ParsedPage: NSObject, XMLParserDelegate {
    struct Element {
        let name: String
        let attributes: [String: String]
        var text = ""
    }

    /// Every element, in the order in which they begin.
    private(set) var elements: [Element] = []
    private var open: [Int] = []

    /// - Throws: what is wrong with the page, if it is not well-formed.
    init(_ text: String) throws {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        guard parser.parse() else { throw Malformed(line: parser.lineNumber, reason: "\(parser.parserError as Any)") }
    }

    struct Malformed: Error {
        let line: Int
        let reason: String
    }

    /// The texts of the elements of a name, those within them included.
    func texts(of name: String, with attribute: (name: String, value: String)? = nil) -> [String] {
        elements.filter { element in
            element.name == name && (attribute.map { element.attributes[$0.name] == $0.value } ?? true)
        }
        .map(\.text)
    }

    func parser(
        _ parser: XMLParser,
        didStartElement name: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String]
    ) {
        open.append(elements.count)
        elements.append(Element(name: name, attributes: attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        for index in open { elements[index].text += text }
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        open.removeLast()
    }
}
