/// Reads the text of a ``Template``.
struct TemplateParser {
  private let file: String
  private let text: String
  private let parts: [String: String]
  /// The files that include this one, to detect a part that includes itself.
  private let includers: [String]
  private var position: String.Index

  init(_ file: String, _ text: String, parts: [String: String], includers: [String] = []) {
    self.file = file
    self.text = text
    self.parts = parts
    self.includers = includers
    position = text.startIndex
  }

  /// Parses the text.
  /// - Throws: ``TemplateError`` for an unknown tag, a name with other characters than lower-case letters and
  ///   underscores, a missing part, a part that includes itself, or a `{{for}}` and `{{end}}` that don't match.
  mutating func parse() throws(TemplateError) -> [Template.Segment] {
    try parse(insideLoopAt: nil)
  }

  private mutating func parse(insideLoopAt loop: Template.Place?) throws(TemplateError) -> [Template.Segment]
  {
    var segments: [Template.Segment] = []
    while let opening = text[position...].firstRange(of: "{{") {
      let place = place(of: opening.lowerBound)
      guard let closing = text[opening.upperBound...].firstRange(of: "}}") else {
        throw TemplateError(place, "{{ without }}")
      }
      let words = text[opening.upperBound..<closing.lowerBound].split(
        separator: " ", omittingEmptySubsequences: false)
      let tag = opening.lowerBound..<closing.upperBound
      let line = words.count == 2 || words == ["end"] ? lineOfItsOwn(tag) : nil
      segments.append(.text(text[position..<(line ?? tag).lowerBound]))
      position = (line ?? tag).upperBound
      switch (words.first, words.count) {
      case ("for", 2):
        segments.append(.list(try name(words[1], place), try parse(insideLoopAt: place), place))
      case ("end", 1):
        guard loop != nil else { throw TemplateError(place, "{{end}} without {{for …}}") }
        return segments
      case ("include", 2):
        segments += try included(String(words[1]), place, withLastNewline: line != nil)
      case (let word?, 1):
        segments.append(.value(try name(word, place), place))
      default:
        throw TemplateError(place, "unknown tag {{\(words.joined(separator: " "))}}")
      }
    }
    if let loop { throw TemplateError(loop, "{{for …}} without {{end}}") }
    segments.append(.text(text[position...]))
    return segments
  }

  private func included(
    _ part: String, _ place: Template.Place, withLastNewline: Bool
  ) throws(TemplateError) -> [Template.Segment] {
    guard var text = parts[part] else { throw TemplateError(place, "no part \(part)") }
    guard part != file, !includers.contains(part) else {
      throw TemplateError(place, "\(part) includes itself")
    }
    if !withLastNewline, text.hasSuffix("\n") { text.removeLast() }
    var parser = TemplateParser(part, text, parts: parts, includers: includers + [file])
    return try parser.parse()
  }

  private func name(_ word: Substring, _ place: Template.Place) throws(TemplateError) -> String {
    guard !word.isEmpty, word.utf8.allSatisfy({ (97...122).contains($0) || $0 == 95 }) else {
      throw TemplateError(place, "\(word) is no name: lower-case letters and underscores")
    }
    return String(word)
  }

  private func place(of index: String.Index) -> Template.Place {
    Template.Place(file: file, line: 1 + text[..<index].count { $0 == "\n" })
  }

  /// The line of a tag with its newline; nil if anything but spaces stands beside the tag.
  private func lineOfItsOwn(_ tag: Range<String.Index>) -> Range<String.Index>? {
    let start = text[..<tag.lowerBound].lastIndex(of: "\n").map(text.index(after:)) ?? text.startIndex
    guard let end = text[tag.upperBound...].firstIndex(of: "\n"),
      (text[start..<tag.lowerBound] + text[tag.upperBound..<end]).allSatisfy({ $0 == " " })
    else { return nil }
    return start..<text.index(after: end)
  }
}
