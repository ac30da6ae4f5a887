import CYAML

/// A node of a YAML file. It knows its line, so that an error can name the line.
public struct YAMLNode {
  enum Content {
    /// A scalar without quotes. Its type depends on its text.
    case plain(String)
    /// A scalar in quotes, which is always text.
    case quoted(String)
    case sequence([YAMLNode])
    case mapping([(key: YAMLNode, value: YAMLNode)])
  }

  let content: Content
  /// The number of the line, from 1.
  let line: Int

  /// The text of a scalar; nil for a sequence or a mapping.
  var text: String? {
    switch content {
    case .plain(let text), .quoted(let text): text
    default: nil
    }
  }

  /// Whether the node is empty: `key:` without a value, `~` or `null`.
  var isNull: Bool {
    if case .plain(let text) = content { ["", "~", "null", "Null", "NULL"].contains(text) } else { false }
  }
}

/// A mistake in a YAML file.
struct YAMLError: Error {
  let reason: String
  /// The number of the line, from 1.
  let line: Int
}

enum YAML {
  /// Reads a file with one document; nil if it is empty. libyaml, `yaml_parser_load`.
  /// - Throws: ``YAMLError`` if the file isn't YAML, has a second document, or is nested more than 8 levels deep.
  static func parse(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
    // libyaml stores the parser's own address in it, so the parser must not move.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLError(reason: "out of memory", line: 1)
    }
    defer { yaml_parser_delete(parser) }
    return try bytes.withUnsafeBufferPointer { (input) throws(YAMLError) -> YAMLNode? in
      yaml_parser_set_input_string(parser, input.baseAddress, input.count)
      guard let root = try document(parser) else { return nil }
      if let second = try document(parser) {
        throw YAMLError(reason: "a second document", line: second.line)
      }
      return root
    }
  }

  private static func document(
    _ parser: UnsafeMutablePointer<yaml_parser_t>
  ) throws(YAMLError) -> YAMLNode? {
    var document = yaml_document_t()
    guard yaml_parser_load(parser, &document) == 1 else {
      let reason = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
      throw YAMLError(reason: reason, line: Int(parser.pointee.problem_mark.line) + 1)
    }
    defer { yaml_document_delete(&document) }
    guard let root = yaml_document_get_root_node(&document) else { return nil }
    return try node(root, in: &document, depth: 0)
  }

  private static func node(
    _ node: UnsafeMutablePointer<yaml_node_t>, in document: inout yaml_document_t, depth: Int
  ) throws(YAMLError) -> YAMLNode {
    let line = Int(node.pointee.start_mark.line) + 1
    // The limit also ends an alias that contains its own anchor.
    guard depth < 8 else { throw YAMLError(reason: "nested too deeply", line: line) }
    let content: YAMLNode.Content
    switch node.pointee.type {
    case YAML_SCALAR_NODE:
      let scalar = node.pointee.data.scalar
      let text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      content = scalar.style == YAML_PLAIN_SCALAR_STYLE ? .plain(text) : .quoted(text)
    case YAML_SEQUENCE_NODE:
      let items = node.pointee.data.sequence.items
      var nodes: [YAMLNode] = []
      var next = items.start!
      while next < items.top {
        nodes.append(
          try self.node(
            yaml_document_get_node(&document, next.pointee), in: &document, depth: depth + 1))
        next += 1
      }
      content = .sequence(nodes)
    default:
      let pairs = node.pointee.data.mapping.pairs
      var nodes: [(key: YAMLNode, value: YAMLNode)] = []
      var next = pairs.start!
      while next < pairs.top {
        let key = yaml_document_get_node(&document, next.pointee.key)!
        let value = yaml_document_get_node(&document, next.pointee.value)!
        nodes.append(
          (
            try self.node(key, in: &document, depth: depth + 1),
            try self.node(value, in: &document, depth: depth + 1)
          ))
        next += 1
      }
      content = .mapping(nodes)
    }
    return YAMLNode(content: content, line: line)
  }
}
