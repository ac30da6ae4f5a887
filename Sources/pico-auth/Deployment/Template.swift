/// A configuration file with placeholders.
///
/// - `{{name}}` inserts a value.
/// - `{{for list}} … {{end}}` repeats the text in between for each item of a list. The fields of the item are values
///   there.
/// - `{{include part}}` inserts the text of another file.
///
/// If one of the last three tags stands alone on a line, the line disappears with it. A part that is included inside
/// a line loses its last newline. Any other text in double braces is an error, and so is a name without a value.
struct Template {
  /// The place of a tag, for errors. Lines count from 1.
  struct Place {
    let file: String
    let line: Int
  }

  enum Segment {
    case text(Substring)
    case value(String, Place)
    case list(String, [Segment], Place)
  }

  private let segments: [Segment]

  /// - Parameters:
  ///   - name: the file's name, for errors.
  ///   - text: the file's text.
  ///   - parts: the texts that the template may include, by name.
  /// - Throws: ``TemplateError`` if a tag is wrong.
  init(_ name: String, _ text: String, parts: [String: String] = [:]) throws(TemplateError) {
    var parser = TemplateParser(name, text, parts: parts)
    segments = try parser.parse()
  }

  /// The names of the values and lists that the template uses, with the fields of list items.
  var names: Set<String> { Self.names(of: segments) }

  private static func names(of segments: [Segment]) -> Set<String> {
    segments.reduce(into: []) { names, segment in
      switch segment {
      case .text: break
      case .value(let name, _): names.insert(name)
      case .list(let name, let inner, _): names.formUnion(Self.names(of: inner).union([name]))
      }
    }
  }

  /// The text with the values in place. Braces inside a value mean nothing.
  /// - Throws: ``TemplateError`` if a name has no value.
  func filled(with values: TemplateValues) throws(TemplateError) -> String {
    try Self.filled(segments, values)
  }

  private static func filled(_ segments: [Segment], _ values: TemplateValues) throws(TemplateError) -> String
  {
    var text = ""
    for segment in segments {
      switch segment {
      case .text(let part): text += part
      case .value(let name, let place):
        guard let value = values.texts[name] else { throw TemplateError(place, "no value \(name)") }
        text += value
      case .list(let name, let inner, let place):
        guard let items = values.lists[name] else { throw TemplateError(place, "no list \(name)") }
        for item in items { text += try filled(inner, values.adding(TemplateValues(texts: item))) }
      }
    }
    return text
  }
}

/// The values and lists that a template's placeholders stand for.
struct TemplateValues {
  var texts: [String: String] = [:]
  var lists: [String: [[String: String]]] = [:]

  /// Adds values and lists. They replace those of the same name.
  func adding(_ others: TemplateValues) -> TemplateValues {
    TemplateValues(
      texts: texts.merging(others.texts) { $1 }, lists: lists.merging(others.lists) { $1 })
  }
}

/// A mistake in a template: file, line and reason.
struct TemplateError: Error, CustomStringConvertible {
  let description: String

  init(_ place: Template.Place, _ what: String) {
    description = "\(place.file):\(place.line): \(what)"
  }
}
