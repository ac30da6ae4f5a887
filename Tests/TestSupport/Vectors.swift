import Foundation
import Wire

/// A case of a file in Tests/Vectors, whose README describes the columns.
public struct Vector: Sendable {
  /// The number that the source gives the case, unique within its file.
  public let id: String
  /// `valid`, or why the case must be refused.
  public let kind: String
  /// The columns of its key.
  public let key: [String]
  /// The columns behind the kind.
  public let values: [String]

  public var mustPass: Bool { kind == "valid" }

  public struct Malformed: Error { let line: String }

  /// The bytes of a column.
  /// - Throws: ``Malformed`` where it isn't base64url.
  public static func bytes(_ column: String) throws -> [UInt8] {
    if column == "." { return [] }
    guard let bytes = Base64URL.decode(Array(column.utf8)) else { throw Malformed(line: column) }
    return bytes
  }

  /// The cases of a file, by the file's name without `.txt`.
  /// - Throws: ``Malformed``, and where there is no such file.
  public static func all(_ name: String) throws -> [Vector] {
    let text = try String(contentsOfFile: "\(WebServer.project)/Tests/Vectors/\(name).txt", encoding: .utf8)
    var key: [String]?
    var vectors: [Vector] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let columns = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      if columns[0] == "key" {
        key = Array(columns[1...])
      } else {
        guard let key, columns.count > 2 else { throw Malformed(line: String(line)) }
        vectors.append(Vector(id: columns[0], kind: columns[1], key: key, values: Array(columns[2...])))
      }
    }
    return vectors
  }

  /// How many vectors there are of each kind.
  public static func counts(_ vectors: [Vector]) -> [String: Int] {
    vectors.reduce(into: [:]) { $0[$1.kind, default: 0] += 1 }
  }
}
