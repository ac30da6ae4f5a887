import Foundation
import TestSupport

/// The Debian package of what is under test, packed once for all tests.
enum BuiltPackage {
  private static let folder = TemporaryFolder()
  private static let packed = Result { () throws -> String in
    // Nothing that is static is ever released.
    atexit { try? FileManager.default.removeItem(atPath: BuiltPackage.folder.path) }
    return try pack(into: folder.file("deb"))
  }

  struct Failure: Error { let errors: String }

  static var path: String { get throws { try packed.get() } }

  /// Packs it anew.
  static func pack(into folder: String) throws -> String {
    let result = try Tool.run(
      ["\(WebServer.project)/scripts/deb", folder], environment: ["PROGRAM": Tool.picoAuth])
    guard result.status == 0, let path = result.output.split(separator: "\n").last else {
      throw Failure(errors: result.errors)
    }
    return String(path)
  }

  /// The same files under a higher version, uncompressed, for a folder of the caller's.
  static func upgrade(in folder: TemporaryFolder) throws -> String {
    let (files, package) = (folder.file("files"), folder.file("upgrade.deb"))
    for command in [
      ["dpkg-deb", "--raw-extract", try path, files],
      ["sed", "-i", "s/^Version: .*/&+later/", "\(files)/DEBIAN/control"],
      ["dpkg-deb", "--root-owner-group", "-Znone", "--build", files, package],
    ] {
      let result = try Tool.run(command)
      guard result.status == 0 else { throw Failure(errors: result.errors) }
    }
    return package
  }
}
