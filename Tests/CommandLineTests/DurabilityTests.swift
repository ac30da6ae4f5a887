import Foundation
import TestSupport
import Testing

/// What is on the disk before a command says that it did what it was asked.
@Suite(.enabled(if: FaultInjection.isPossible, "strace can't trace here")) struct DurabilityTests {
  private let folder = TemporaryFolder()

  /// Revokes a token, and tells which folders were flushed.
  private func revoke(_ jti: String, state: String, inject: String? = nil) throws -> (
    status: Int32, flushed: Set<String>
  ) {
    let trace = folder.file("trace")
    try? FileManager.default.removeItem(atPath: trace)
    let result = try Tool.run(
      ["strace", "-f", "-qq", "-y", "-o", trace, "-e", "trace=fsync"]
        + (inject.map { ["-e", "inject=\($0)"] } ?? [])
        + [Tool.picoAuth, "tokens", "revoke", jti],
      environment: ["SERVER_AUTH_STATE_DIR": state])
    let calls = try folder.read("trace").split(separator: "\n").filter { $0.hasSuffix("= 0") }
    return (
      result.status,
      Set(calls.compactMap { $0.split(separator: "<").last?.split(separator: ">").first.map(String.init) })
    )
  }

  @Test func aNewFolderIsOnTheDiskAndThoseAboveIt() throws {
    let state = folder.file("a/b/c")
    let (status, flushed) = try revoke("t", state: state)
    #expect(status == 3)
    #expect(flushed.isSuperset(of: [folder.path, folder.file("a"), folder.file("a/b"), state]), "\(flushed)")
    for name in ["a", "a/b", "a/b/c"] {
      let mode = try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions]
      #expect(mode as? Int == 0o700)
    }
  }

  /// Whoever comes next promises nothing either before the folder is on the disk. There are three flushes: for each of the
  /// two folders that are made, and for the files in the state folder.
  @Test(arguments: 1...3)
  func aFailedFlushOfAFolderIsRepeatedByTheNextProcess(failing: Int) throws {
    let state = folder.file("a/b")
    var (failed, flushed) = try revoke("t1", state: state, inject: "fsync:error=EIO:when=\(failing)+")
    #expect(failed == 1)
    let (status, more) = try revoke("t2", state: state)
    #expect(status == 3)
    flushed.formUnion(more)
    #expect(more.contains(state))
    #expect(flushed.isSuperset(of: [folder.path, folder.file("a")]), "\(flushed)")
  }
}
