import CLinux
import Glibc
import TestSupport
import Testing

@testable import POSIX

@Suite struct FileHandleTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.file("file") }

  private func code(_ body: () throws -> Void) -> Int32? {
    #expect(throws: SystemError.self) { try body() }?.code
  }

  // MARK: - Opening

  /// The umask belongs to the process, so a child has another one.
  @Test(arguments: ["000", "077", "777"])
  func aNewFileIsItsOwnersWhateverTheUmask(_ mask: String) throws {
    let state = folder.file("state")
    let script = "umask \(mask); exec \"$0\" tokens revoke x"
    // A folder that may be entered, as the umask may take that away from those that are made.
    #expect(mkdir(state, 0o700) == 0)
    let result = try Tool.run(
      ["sh", "-c", script, Tool.picoAuth], environment: ["SERVER_AUTH_STATE_DIR": state])
    #expect(result.status == 3, "\(result.errors)")
    let status = try #require(try FileStatus.ofFile(at: "\(state)/revocations.jsonl"))
    #expect(status.permissions == 0o600)
  }

  @Test func aFileIsMadeForItsOwnerAlone() throws {
    #expect(try FileHandle(path: path, flags: .create).status().permissions == 0o600)
    #expect(try FileHandle(path: folder.file("new"), flags: .createNew).status().permissions == 0o600)
    // One that is there keeps its mode.
    #expect(chmod(path, 0o640) == 0)
    #expect(try FileHandle(path: path, flags: .create).status().permissions == 0o640)
  }

  @Test func aSymbolicLinkLeadsNowhere() throws {
    try folder.write("target", "x")
    #expect(symlink(folder.file("target"), path) == 0)
    for flags in [FileHandle.Flags.read, .readWrite, .create, .append] {
      #expect(code { _ = try FileHandle(path: path, flags: flags) } == ELOOP)
      #expect(code { _ = try FileHandle.existing(path, flags: flags) } == ELOOP)
    }
    #expect(code { _ = try FileHandle(path: path, flags: .createNew) } == EEXIST)
    // Nor is a file made behind one.
    #expect(symlink(folder.file("nowhere"), folder.file("dangling")) == 0)
    #expect(code { _ = try FileHandle(path: folder.file("dangling"), flags: .create) } == ELOOP)
    #expect(access(folder.file("nowhere"), F_OK) == -1)
  }

  @Test func whatIsNoRegularFileIsRefusedAndHoldsUpNobody() throws {
    #expect(mkfifo(path, 0o600) == 0)
    #expect(code { _ = try FileHandle(path: path, flags: .read) } == ENXIO)
    #expect(code { _ = try FileHandle(path: path, flags: .append) } == ENXIO)
    #expect(code { _ = try FileHandle(path: "/dev/null", flags: .readWrite) } == ENXIO)
    #expect(code { _ = try FileHandle(path: folder.path, flags: .read) } == ENXIO)
    #expect(code { _ = try FileHandle(path: folder.path, flags: .create) } == EISDIR)
    try folder.write("regular", "")
    #expect(code { _ = try FileHandle(path: folder.file("regular"), flags: .folder) } == ENOTDIR)
  }

  @Test func whatIsMissingIsNilOrAnError() throws {
    #expect(try FileHandle.existing(path, flags: .read) == nil)
    #expect(code { _ = try FileHandle(path: path, flags: .read) } == ENOENT)
    #expect(code { _ = try FileHandle(path: folder.file("no/file"), flags: .create) } == ENOENT)
    _ = try FileHandle(path: path, flags: .createNew)
    #expect(code { _ = try FileHandle(path: path, flags: .createNew) } == EEXIST)
    #expect(try FileHandle.existing(path, flags: .read) != nil)
  }

  @Test func ofManyOneMakesTheFile() throws {
    let path = path
    let made = try concurrently(8) { _ in
      do throws(SystemError) {
        _ = try FileHandle(path: path, flags: .createNew)
        return true
      } catch {
        return false
      }
    }
    #expect(made.count { $0 } == 1)
    let identities = try concurrently(8) { _ in
      try FileHandle(path: path + "2", flags: .create).status().identity
    }
    #expect(Set(identities).count == 1)
  }

  @Test func noChildInheritsIt() throws {
    let handle = try FileHandle(path: path, flags: .create)
    #expect(fcntl(handle.descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func theLastOwnerClosesIt() throws {
    var descriptors: [Int32] = [0, 0]
    #expect(pipe(&descriptors) == 0)
    defer { close(descriptors[0]) }
    var handle: FileHandle? = FileHandle(owning: descriptors[1])
    let other = handle
    handle = nil
    var wait = pollfd(fd: descriptors[0], events: Int16(POLLIN), revents: 0)
    withExtendedLifetime(other) { #expect(poll(&wait, 1, 0) == 0) }
  }

  // MARK: - Reading and writing

  @Test func readsAndWritesWhereItIsTold() throws {
    let handle = try FileHandle(path: path, flags: .create)
    try handle.writeAll(Array("hello world".utf8), at: 0)
    try handle.writeAll(Array("W".utf8), at: 6)
    #expect(try handle.read(count: 5, at: 6) == Array("World".utf8))
    #expect(try handle.read(count: 100, at: 6) == Array("World".utf8))
    #expect(try handle.read(count: 100, at: 11) == [])
    #expect(try handle.read(count: 0, at: 0) == [])
    #expect(try handle.readCached(count: 5, at: 0) == Array("hello".utf8))
    try handle.truncate(to: 5)
    #expect(try folder.read("file") == "hello")
    #expect(try handle.status().size == 5)
  }

  @Test func whatIsAppendedGoesToTheEnd() throws {
    let (one, other) = (
      try FileHandle(path: path, flags: .create), try FileHandle(path: path, flags: .append)
    )
    try one.writeAll(Array("abc".utf8), at: 0)
    try other.writeNext(Array("d".utf8))
    #expect(try folder.read("file") == "abcd")
  }

  @Test func whatMayNotBeWrittenIsAnError() throws {
    try folder.write("file", "x")
    let handle = try FileHandle(path: path, flags: .read)
    #expect(code { try handle.writeAll([1], at: 0) } == EBADF)
    #expect(code { _ = try FileHandle(owning: -1).status() } == EBADF)
  }

  /// Before the disk is full the kernel takes a part of what it is given, which is no success.
  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func aFullDiskIsAnErrorAndNotAShortFile() throws {
    let disk = folder.file("disk")
    #expect(mkdir(disk, 0o700) == 0)
    try #require(try Tool.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).status == 0)
    defer { _ = try? Tool.run(["umount", "-l", disk]) }
    let handle = try FileHandle(path: "\(disk)/file", flags: .create)
    #expect(code { try handle.writeAll([UInt8](repeating: 1, count: 100_000), at: 0) } == ENOSPC)
    #expect(try FileSystem.freeBytes(at: disk) == 0)
    try handle.truncate(to: 0)
    #expect(code { try handle.writeNext([UInt8](repeating: 1, count: 100_000)) } == ENOSPC)
    try handle.truncate(to: 0)
    let taken = try handle.write([UInt8](repeating: 1, count: 100_000), at: 0)
    #expect((1..<100_000).contains(taken), "\(taken)")
    try handle.truncate(to: 0)
    try handle.writeAll([UInt8](repeating: 1, count: 10_000), at: 0)
    #expect(try handle.status().size == 10_000)
    #expect(try FileSystem.freeBytes(at: disk) > 0)
  }

  // MARK: - Locks and attributes

  @Test func aLockIsOneOpenFiles() throws {
    let one = try FileHandle(path: path, flags: .create)
    let other = try FileHandle(path: path, flags: .create)
    #expect(try one.tryLock())
    #expect(try one.tryLock())
    #expect(try !other.tryLock())
    one.unlock()
    #expect(try other.tryLock())
    #expect(try !one.tryLock())
  }

  @Test func aSealedFileCannotBeChanged() throws {
    let handle = try FileHandle.sealed("secret", Array("abc".utf8))
    #expect(try handle.read(count: 10, at: 0) == Array("abc".utf8))
    #expect(code { try handle.writeAll([1], at: 0) } == EPERM)
    #expect(code { try handle.truncate(to: 0) } == EPERM)
    #expect(code { try handle.truncate(to: 10) } == EPERM)
  }
}
