import Foundation

/// Wycheproof vectors, read from a folder beside the project; tests that need them say so where it isn't there.
public enum Vectors {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/vectors")

  public static let areThere = FileManager.default.fileExists(atPath: folder.path)

  /// The groups of a file.
  public static func groups(_ name: String) throws -> [[String: Any]] {
    let data = try Data(contentsOf: folder.appendingPathComponent(name))
    let document = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    return document?["testGroups"] as? [[String: Any]] ?? []
  }
}
