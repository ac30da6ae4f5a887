import Glibc
import TestSupport
import Testing

@testable import POSIX

/// What a process knows of itself and its host.
@Suite struct ProcessTests {
  @Test func theEnvironmentIsWhatTheProcessWasGiven() throws {
    let file = try Files.read("/proc/self/environ").split(separator: 0)
    let given = file.map { String(decoding: $0, as: UTF8.self) }.filter { $0.contains("=") }
    try #require(!given.isEmpty)
    for entry in given {
      let name = String(entry.prefix { $0 != "=" })
      #expect(ProcessEnvironment.variables[name] == String(entry.dropFirst(name.count + 1)), "\(name)")
    }
    #expect(ProcessEnvironment.variables["PICO_AUTH_NO_SUCH_VARIABLE"] == nil)
  }

  @Test func anEntryIsANameAndWhateverStandsBehindTheFirstEqualsSign() {
    let texts: [String] = ["A=b", "URL=x?a=b&c=", "EMPTY=", "NOTHING", "A=c"]
    var entries: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
    defer { for entry in entries { free(entry) } }
    #expect(ProcessEnvironment.read(&entries) == ["A": "c", "URL": "x?a=b&c=", "EMPTY": ""])
  }

  @Test(arguments: [1, 16, 32, 256])
  func randomBytesAreAsManyAsAskedForAndOthersEachTime(_ count: Int) {
    let all = (0..<64).map { _ in SecureRandom.bytes(count) }
    #expect(all.allSatisfy { $0.count == count })
    // Of 64 single bytes 20 are the same with a chance of 1 in 10^12.
    #expect(Set(all).count > (count == 1 ? 40 : 63))
    #expect(SecureRandom.bytes(0).isEmpty)
  }

  /// Each bit is set in about half of 256 * 64 draws.
  @Test func noBitIsAlwaysTheSame() {
    let bytes = (0..<64).flatMap { _ in SecureRandom.bytes(256) }
    for bit in 0..<8 {
      let ones = bytes.count { $0 >> bit & 1 == 1 }
      #expect((7000...9400).contains(ones), "bit \(bit): \(ones)")
    }
  }

  @Test func theClockTellsTheTime() {
    let (before, now, after) = (time(nil), Clock.system.now, time(nil))
    #expect(now >= Double(before) && now < Double(after + 1))
    #expect(Clock { 1.9 }.seconds == 1)
    #expect(Clock { -0.5 }.seconds == -1)
    let first = Clock.monotonicNanoseconds
    #expect(Clock.monotonicNanoseconds >= first)
  }

  @Test func accountsAreFoundByName() throws {
    let root = try Account(named: "root")
    #expect(root.user == 0 && root.group == 0 && root.name == "root")
    #expect(try Account.group(named: "root") == 0)
    #expect(Account.name(of: 0) == "root")
    #expect(Account.name(of: 4_000_000_000) == "4000000000")
    #expect(throws: Account.Unknown.self) { try Account(named: "no-such-user") }
    #expect(throws: Account.Unknown.self) { try Account.group(named: "no-such-group") }
  }

  @Test func extendedAttributesGoWithTheFile() throws {
    let folder = TemporaryFolder()
    let handle = try FileHandle(path: folder.file("file"), flags: .create)
    #expect(handle.attribute("pico-auth.test") == nil)
    do throws(SystemError) {
      try handle.setAttribute("pico-auth.test", "one")
    } catch  where error.code == ENOTSUP {
      // The file system has none, and that is told.
      return
    }
    try handle.setAttribute("pico-auth.test", "two")
    try Files.rename(folder.file("file"), to: folder.file("other"))
    let other = try FileHandle(path: folder.file("other"), flags: .read)
    #expect(other.attribute("pico-auth.test") == "two")
    #expect(other.attribute("pico-auth.tes") == nil)
  }

  @Test func theDescriptorLimitIsRaisedToWhatMayBe() {
    var limit = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    #expect(Limits.raiseDescriptors() == Int(clamping: limit.rlim_max))
    var raised = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0)
    #expect(raised.rlim_cur == limit.rlim_max && raised.rlim_max == limit.rlim_max)
  }
}
