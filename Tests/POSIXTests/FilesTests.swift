import Glibc
import TestSupport
import Testing

@testable import POSIX

@Suite struct FilesTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.file("file") }

  private func code(_ body: () throws -> Void) -> Int32? {
    #expect(throws: SystemError.self) { try body() }?.code
  }

  private func permissions(_ path: String) throws -> UInt32? { try FileStatus.ofFile(at: path)?.permissions }

  // MARK: - Reading

  @Test func aFileIsReadWholeUpToItsLimit() throws {
    try folder.write("file", "12345")
    #expect(try Files.read(path) == Array("12345".utf8))
    #expect(try Files.read(path, limit: 5) == Array("12345".utf8))
    #expect(code { _ = try Files.read(path, limit: 4) } == EFBIG)
    #expect(code { _ = try Files.read(folder.path) } == EISDIR)
    #expect(code { _ = try Files.read(folder.file("none")) } == ENOENT)
    // As configuration is mounted.
    #expect(symlink(path, folder.file("link")) == 0)
    #expect(try Files.read(folder.file("link")) == Array("12345".utf8))
    // Below /proc a file has no size.
    #expect(try Files.read("/proc/self/stat").starts(with: Array("\(getpid()) ".utf8)))
  }

  @Test func whoeverChecksAFileMayRefuseIt() throws {
    struct Refusal: Error {}
    try folder.write("file", "x", mode: 0o640)
    #expect(throws: Refusal.self) {
      try Files.read(path) { status in
        #expect(status.permissions == 0o640 && status.size == 1)
        throw Refusal()
      }
    }
  }

  @Test func aPipeIsReadToItsEnd() throws {
    #expect(mkfifo(path, 0o600) == 0)
    let path = path
    let read = try concurrently(2) { number -> [UInt8] in
      if number == 0 { return try Files.read(path) }
      let writer = FileHandle(owning: try retryingOnInterrupt("open") { open(path, O_WRONLY) })
      for part in ["one ", "two ", "three"] { try writer.writeNext(Array(part.utf8)) }
      return []
    }
    #expect(read[0] == Array("one two three".utf8))
  }

  // MARK: - Folders

  @Test func aFolderIsMadeWithThoseAboveItForItsOwnerAlone() throws {
    let deep = folder.file("a/b/c")
    try Files.makeFolder(deep)
    for name in ["a", "a/b", "a/b/c"] { #expect(try permissions(folder.file(name)) == 0o700, "\(name)") }
    // One that is there stays as it is.
    #expect(chmod(deep, 0o755) == 0)
    try Files.makeFolder(deep)
    #expect(try permissions(deep) == 0o755)
    try folder.write("file", "")
    #expect(code { try Files.makeFolder("\(path)/x") } == ENOTDIR)
    #expect(code { try Files.makeFolder("/proc/nowhere/x") } == ENOENT)
  }

  @Test(arguments: [
    ("/a/b", "/a"), ("/a", "/"), ("a", "."), ("a/b", "a"), ("/a/b/", "/a/b"), ("/", "/"), ("", "."),
  ])
  func aPathLiesInItsParent(_ path: String, _ parent: String) {
    #expect(Files.parent(of: path) == parent)
  }

  @Test func namesAreSortedByTheirBytes() throws {
    #expect(try Files.names(in: folder.path) == [])
    for name in ["b", "B", "é", "a10", "a9", ".hidden"] { try folder.write(name, "") }
    #expect(try Files.names(in: folder.path) == [".hidden", "B", "a10", "a9", "b", "é"])
    #expect(code { _ = try Files.names(in: folder.file("none")) } == ENOENT)
    #expect(code { _ = try Files.names(in: folder.file("a9")) } == ENOTDIR)
  }

  // MARK: - Writing

  @Test func ofManyWritersOneMakesTheWholeFile() throws {
    let path = path
    let made = try concurrently(8) { number in
      try Files.createWhole(path, [UInt8](repeating: UInt8(number), count: 10_000))
    }
    let winner = try #require(made.firstIndex(of: true))
    #expect(made.count { $0 } == 1)
    #expect(try Files.read(path) == [UInt8](repeating: UInt8(winner), count: 10_000))
    #expect(try permissions(path) == 0o600)
    // No draft is left.
    #expect(try Files.names(in: folder.path) == ["file"])
  }

  @Test func aFileIsReplacedAsAWhole() throws {
    try folder.write("file", "old")
    let old = try FileHandle(path: path, flags: .read)
    try Files.replace(path, Array("new".utf8), permissions: 0o640)
    #expect(try folder.read("file") == "new")
    #expect(try permissions(path) == 0o640)
    // Whoever reads the one before reads it to its end.
    #expect(try old.read(count: 10, at: 0) == Array("old".utf8))
    #expect(try old.status().links == 0)
    #expect(try Files.names(in: folder.path) == ["file"])
    #expect(code { try Files.replace(folder.file("no/file"), [], permissions: 0o600) } == ENOENT)
  }

  @Test func renamingAndRemoving() throws {
    try folder.write("file", "x")
    try folder.write("other", "y")
    try Files.rename(path, to: folder.file("other"))
    #expect(try folder.read("other") == "x")
    #expect(code { try Files.rename(path, to: folder.file("other")) } == ENOENT)
    try Files.remove(folder.file("other"))
    #expect(try FileStatus.ofFile(at: folder.file("other")) == nil)
    // What isn't there is removed already; a folder is none of its business.
    try Files.remove(folder.file("other"))
    #expect(code { try Files.remove(folder.path) } == EISDIR)
  }

  @Test func aStatusTellsWhatAFileIs() throws {
    try folder.write("file", "abc", mode: 0o604)
    let status = try #require(try FileStatus.ofFile(at: path))
    #expect(status.type == .regular && status.size == 3 && status.permissions == 0o604 && status.links == 1)
    #expect(status.owner == geteuid())
    #expect(link(path, folder.file("link")) == 0)
    let linked = try FileStatus.ofFile(at: folder.file("link"))
    #expect(linked?.identity == status.identity && linked?.links == 2)
    #expect(try FileStatus.ofFile(at: folder.path)?.isDirectory == true)
    #expect(try FileStatus.ofFile(at: "/dev/null")?.type == .terminal)
    #expect(try FileStatus.ofFile(at: folder.file("none")) == nil)
    #expect(code { _ = try FileStatus.ofFile(at: "\(path)/x") } == ENOTDIR)
    #expect(code { _ = try FileSystem.freeBytes(at: folder.file("none")) } == ENOENT)
  }
}
