import CYAML

/// A YAML file as a tree whose nodes know their lines, so that a mistake can be pointed at.
public struct YAMLNode {
  enum Content {
    /// A scalar without quotes, whose meaning depends on how it looks.
    case plain(String)
    case quoted(String)
    case sequence([YAMLNode])
    case mapping([(key: YAMLNode, value: YAMLNode)])
  }

  let content: Content
  /// From 1.
  let line: Int

  var text: String? {
    switch content {
    case .plain(let text), .quoted(let text): text
    default: nil
    }
  }

  /// Whether it is nothing at all: `key:` with no value, `~` or `null`.
  var isNull: Bool {
    if case .plain(let text) = content { ["", "~", "null", "Null", "NULL"].contains(text) } else { false }
  }
}

/// What is wrong with a YAML file, and where.
struct YAMLError: Error {
  let reason: String
  /// From 1.
  let line: Int
}

enum YAML {
  /// Reads a file of one document; nil for an empty one. libyaml, `yaml_parser_load`.
  /// - Throws: ``YAMLError``.
  static func parse(_ bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
    // On the heap: the parser keeps its own address.
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
    // An alias may lead back to its own anchor.
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
