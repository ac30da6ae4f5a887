import Foundation
import POSIX
import TestSupport
import Testing

@testable import Stores

/// The file of failed attempts: its size, damage, and other users' files. StoreConformance checks the rest.
@Suite struct ThrottleStoreTests {
  private let folder = TemporaryFolder()
  private let clock = ManualClock()
  private let log = LogRecorder()

  private var path: String { folder.file("throttle.dat") }
  private func open() -> FileThrottleStore {
    FileThrottleStore(path: path, clock: clock.clock, logger: log.logger)
  }
  private let limit = ThrottleLimit(ThrottleSubject(.account, "a@example.org"), free: 3, interval: 60)

  private func exhaust(_ limit: ThrottleLimit) throws {
    for _ in 0..<3 { try open().fail(try #require(try open().admit([limit]))) }
    #expect(try open().admit([limit]) == nil)
  }

  private func size() throws -> Int {
    try #require(try FileStatus.ofFile(at: path)).size
  }

  @Test func theFileKeepsItsSizeAndIsPrivate() throws {
    for number in 0..<3000 {
      let limits = [
        ThrottleLimit(ThrottleSubject(.account, "\(number)@example.org"), free: 3, interval: 60),
        ThrottleLimit(ThrottleSubject(.address, "192.0.2.\(number)"), free: 3, interval: 60),
      ]
      try open().fail(try #require(try open().admit(limits)))
    }
    #expect(try size() == 2 << 20)
    #expect(try #require(try FileStatus.ofFile(at: path)).permissions == 0o600)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "throttle.dat", "throttle.dat.lock",
      ])
  }

  /// Whoever looks into the file with `strings` sees who is under attack, and no more of a name than fits.
  @Test func namesAreReadable() throws {
    try exhaust(limit)
    let long = String(repeating: "ü", count: 200)
    try exhaust(ThrottleLimit(ThrottleSubject(.account, long), free: 3, interval: 60))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.range(of: Data("a@example.org".utf8)) != nil)
    let names = try open().list().map(\.subject.name)
    #expect(names.contains("a@example.org"))
    #expect(names.contains { $0.hasPrefix("üüü") && $0.hasSuffix("ü…") && $0.utf8.count <= 88 })
  }

  @Test(arguments: [0, 7, 24, 511])
  func aDamagedHeaderMakesTheFileAnew(_ offset: Int) throws {
    try exhaust(limit)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    if offset == 0 {
      bytes.replaceSubrange(0..<512, with: [UInt8](repeating: 0, count: 512))
    } else {
      bytes[offset] ^= 1
    }
    try write(bytes)
    try exhaust(limit)
    #expect(try size() == 2 << 20)
    #expect(log.messages.contains { $0.contains("failed attempts forgotten") })
  }

  @Test func aDamagedRecordIsForgottenAndTheOthersAreNot() throws {
    try exhaust(limit)
    let other = ThrottleLimit(ThrottleSubject(.address, "192.0.2.1"), free: 3, interval: 60)
    try exhaust(other)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let name = try #require(Data(bytes).range(of: Data("a@example.org".utf8)))
    bytes[name.lowerBound] ^= 1
    try write(bytes)
    #expect(try open().isDelayed([other]))
    try exhaust(limit)
  }

  @Test func aDamagedSignInIsForgottenAndRememberedAnew() throws {
    let store = open()
    let origin = ThrottleSubject(.known, "192.0.2.1 a@example.org")
    try store.rememberSignIn(origin)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let offset = try #require(bytes.indices.dropFirst(512).first { bytes[$0] != 0 })
    bytes[offset + 20] ^= 1
    try write(bytes)
    #expect(try store.lastSignIn(origin) == nil)
    try store.rememberSignIn(origin)
    #expect(try store.lastSignIn(origin) != nil)
  }

  @Test func aCutFileIsMadeAnewAlsoWhileItIsOpen() throws {
    let store = open()
    try store.fail(try #require(try store.admit([limit])))
    try FileHandle(path: path, flags: .readWrite).truncate(to: 1000)
    #expect(try store.lastSignIn(limit.subject) == nil)
    for _ in 0..<3 { try store.fail(try #require(try store.admit([limit]))) }
    #expect(try store.admit([limit]) == nil)
    #expect(try size() == 2 << 20)
  }

  @Test func aRemovedFileIsMadeAnew() throws {
    let store = open()
    try store.fail(try #require(try store.admit([limit])))
    try Files.remove(path)
    try Files.remove(path + ".lock")
    for _ in 0..<3 { try store.fail(try #require(try store.admit([limit]))) }
    #expect(try open().isDelayed([limit]))
  }

  @Test func anotherProgramsFileIsLeftAlone() throws {
    try folder.write("throttle.dat", "precious")
    #expect(throws: StoreError.self) { try open().admit([limit]) }
    #expect(throws: StoreError.self) { try open().isDelayed([limit]) }
    #expect(throws: StoreError.self) { try open().list() }
    #expect(throws: StoreError.self) { try open().clearAll() }
    #expect(try folder.read("throttle.dat") == "precious")
  }

  @Test func whatOthersCanWriteToIsRefused() throws {
    try exhaust(limit)
    chmod(path, 0o666)
    let error = #expect(throws: StoreError.self) { try open().admit([limit]) }
    #expect(error?.description.contains("chmod go-w") == true)
    chmod(path, 0o600)
    #expect(try open().isDelayed([limit]))
    try Files.remove(path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: folder.file("elsewhere"))
    #expect(throws: StoreError.self) { try open().admit([limit]) }
  }

  /// Without a file nothing can be counted, so nothing is admitted.
  @Test func whereNoFileCanBeMadeNothingIsAdmitted() throws {
    try folder.write("folder", "no folder")
    let store = FileThrottleStore(
      path: folder.file("folder/throttle.dat"), clock: clock.clock, logger: log.logger)
    #expect(throws: StoreError.self) { try store.admit([limit]) }
    #expect(throws: StoreError.self) { try store.isDelayed([limit]) }
    #expect(throws: StoreError.self) { try store.rememberSignIn(limit.subject) }
    #expect(throws: StoreError.self) { try store.lastSignIn(limit.subject) }
  }

  @Test func aClockFarAheadForgetsAndASetBackOneDelaysNoLonger() throws {
    try exhaust(limit)
    clock.advance(10 * 365 * 86400)
    try exhaust(limit)
    clock.advance(-10 * 365 * 86400)
    #expect(try open().isDelayed([limit]))
    clock.advance(1.1)
    #expect(try open().admit([limit]) != nil)
  }

  /// Many workers hash at once, and a failure is known only afterwards. In the long run, that gives no more guesses.
  @Test func attemptsThatPassTogetherAllTakeTheirTimeToBeForgotten() throws {
    let tickets = try (0..<40).map { _ in try #require(try open().admit([limit])) }
    for ticket in tickets { try open().fail(ticket) }
    clock.advance(60 * 30)
    try open().fail(try #require(try open().admit([limit])))
    #expect(try open().admit([limit]) == nil, "some of the 40 are left, so one attempt passes at a time")
    clock.advance(60 * 15)
    #expect(try open().list().isEmpty)
  }

  @Test func aSubjectUnderAttackOutlastsAFloodOfItsOwnKind() throws {
    for _ in 0..<5 { try open().fail(ThrottleTicket(limits: [limit], isCounted: [false])) }
    for number in 0..<20_000 {
      let other = ThrottleLimit(ThrottleSubject(.account, "\(number)"), free: 3, interval: 60)
      try open().fail(ThrottleTicket(limits: [other], isCounted: [false]))
    }
    #expect(try open().list().contains { $0.subject == limit.subject })
  }

  private func write(_ bytes: [UInt8]) throws {
    try FileHandle(path: path, flags: .readWrite).writeAll(bytes, at: 0)
  }
}
