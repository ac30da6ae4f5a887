/// A configuration file with placeholders.
///
/// - `{{name}}` stands for a value.
/// - `{{for list}} … {{end}}` repeats what lies between for each item of a list, whose fields are values there.
/// - `{{include part}}` stands for another file's text.
///
/// The last three tags take their whole line with them if they stand alone on it. A part that is included within a line
/// comes without its last newline. Anything else in double braces is an error, and so is a name that has no value.
struct Template {
  /// Where a tag stands, for errors.
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

  /// - Parameter parts: the texts that it may include, by name.
  /// - Throws: ``TemplateError``.
  init(_ name: String, _ text: String, parts: [String: String] = [:]) throws(TemplateError) {
    var parser = TemplateParser(name, text, parts: parts)
    segments = try parser.parse()
  }

  /// The names of the values and lists that it asks for; fields of a list's items among them.
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

  /// The text with all values in their places. Values are taken as they are: braces in them mean nothing.
  /// - Throws: ``TemplateError`` for a name that has no value.
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

/// What the placeholders of a template stand for.
struct TemplateValues {
  var texts: [String: String] = [:]
  var lists: [String: [[String: String]]] = [:]

  /// These and others, which win where both have a name.
  func adding(_ others: TemplateValues) -> TemplateValues {
    TemplateValues(
      texts: texts.merging(others.texts) { $1 }, lists: lists.merging(others.lists) { $1 })
  }
}

/// What is wrong with a template.
struct TemplateError: Error, CustomStringConvertible {
  let description: String

  init(_ place: Template.Place, _ what: String) {
    description = "\(place.file):\(place.line): \(what)"
  }
}
