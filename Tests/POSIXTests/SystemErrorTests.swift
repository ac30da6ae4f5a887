import Glibc
import TestSupport
import Testing

@testable import POSIX

@Suite struct SystemErrorTests {
  private let folder = TemporaryFolder()

  @Test(arguments: [0, 1, 5])
  func aCallThatASignalInterruptsIsRepeated(_ interruptions: Int) throws {
    var calls = 0
    let value = try retryingOnInterrupt("read") { () -> Int in
      calls += 1
      if calls > interruptions { return 7 }
      errno = EINTR
      return -1
    }
    #expect(value == 7)
    #expect(calls == interruptions + 1)
  }

  @Test(arguments: [EIO, EAGAIN, ENOENT, ENOSPC])
  func anyOtherFailureIsThrownAtOnce(_ code: Int32) {
    var calls = 0
    let error = #expect(throws: SystemError.self) {
      try retryingOnInterrupt("write", "/a/b") { () -> Int in
        calls += 1
        errno = code
        return -1
      }
    }
    #expect(error == SystemError(call: "write", code: code, path: "/a/b"))
    #expect(calls == 1)
  }

  /// Only -1 is a failure: other negative numbers may be answers.
  @Test func whatIsNotMinusOneIsAnAnswer() throws {
    #expect(try retryingOnInterrupt("x") { 0 } == 0)
    #expect(try retryingOnInterrupt("x") { -2 } == -2)
  }

  @Test(arguments: [
    (ENOSPC, "free space"), (EMFILE, "LimitNOFILE"), (EADDRINUSE, "another process listens"),
    (ELOOP, "symbolic link"), (EROFS, "read-only"), (ENXIO, "regular file"),
  ])
  func aMessageSaysWhatToDo(_ code: Int32, _ remedy: String) {
    let error = SystemError(call: "open", code: code, path: "/a/b")
    #expect(error.description.hasPrefix("/a/b: open: "))
    #expect(error.description.contains(remedy))
    #expect(!error.reason.contains("/a/b"))
  }

  @Test func withoutARemedyThereIsTheMessageAlone() {
    #expect(SystemError(call: "fsync", code: EIO).description == "fsync: Input/output error")
    #expect(SystemError(call: "write", code: EPERM).description == "write: Operation not permitted")
  }

  @Test func theFirstMissingFolderIsNamed() {
    let error = SystemError(call: "open", code: ENOENT, path: folder.file("a/b/c"))
    #expect(error.reason.hasSuffix("; make the folder \(folder.file("a")) first"))
    #expect(SystemError(call: "open", code: ENOENT, path: folder.file("a")).reason.hasSuffix("directory"))
  }

  @Test func aPathThatIsKnownStays() {
    let error = SystemError(call: "fsync", code: EIO)
    #expect(error.at("/x").path == "/x")
    #expect(error.at("/x").at("/y").path == "/x")
  }
}
