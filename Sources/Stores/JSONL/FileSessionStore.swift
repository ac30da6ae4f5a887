import Crypto
import Logging
import POSIX
import Synchronization
import Wire

/// Sessions in two files that all workers share. There is no index: an identifier holds the position of its
/// session, so one session costs as much as a million, in a worker and in a CGI process. Nothing per session
/// is kept in memory.
///
/// `<path>` holds a slot of 512 bytes for each session. `<path>.subjects` holds, for each subject, its last
/// session and the time until which all its sessions are ended. Each session is linked to its subject's
/// session before.
public final class FileSessionStore: SessionStore {
  private let path: String
  private let reserve: SpaceReserve?
  private let clock: Clock
  private let files: SessionFiles
  private let logger: Logger
  /// The earliest time for the next line about a damaged session, in ``Clock/monotonicNanoseconds``.
  private let nextAlarm = Atomic<UInt64>(0)
  /// Nanoseconds.
  private static let alarmPause: UInt64 = 10_000_000_000

  /// - Parameters:
  ///   - path: the file. `<path>.subjects` and `<path>.lock` are beside it. All are made at first use.
  ///   - reserve: the free space that new sessions must leave on the disk; nil for none.
  ///   - clock: the time of day.
  ///   - logger: gets what the store repairs or ignores.
  public convenience init(path: String, reserve: SpaceReserve? = nil, clock: Clock, logger: Logger) {
    self.init(path: path, reserve: reserve, boot: BootID.current, clock: clock, logger: logger)
  }

  /// - Parameter boot: the current boot's ``BootID``; nil if it is unknown.
  init(
    path: String, reserve: SpaceReserve? = nil, boot: String?,
    flushData: @escaping SharedFlush.FlushData = SharedFlush.flushData, clock: Clock, logger: Logger
  ) {
    self.path = path
    self.reserve = reserve
    self.clock = clock
    self.logger = logger
    files = SessionFiles(path: path, boot: boot, flushData: flushData, logger: logger)
  }

  /// Repairs what a power loss left, which the first write would do otherwise. If the files can't be read, the
  /// process starts: only requests that need them fail.
  public func prepare() {
    do {
      guard try files.translating({ try files.reading() }) != nil else { return }
    } catch {
      return logger.error(
        "sessions can't be read; requests that need them get 503", metadata: ["reason": "\(error)"])
    }
    do {
      try files.translating { try files.locked { _ in } }
    } catch {
      // Reading needs no links. The first write tries again.
      logger.warning("links between sessions can't be checked", metadata: ["reason": "\(error)"])
    }
  }

  public func checkWritable() throws {
    try files.translating { try SharedFiles.checkWritable(path) }
  }

  // MARK: - One session

  public func begin(_ start: SessionStart, tokens: SessionTokens?) throws -> SessionWrite {
    try reserve?.require(Sector.size)
    let hash = Self.hash(start.subject)
    let random = SessionPosition.makeRandom()
    return try writing { opened in
      let (opened, place) = try files.place(of: hash, opened)
      var entry = place.entry ?? SubjectEntry(hash: hash)
      let index = try opened.data.end()
      let cutoff = max(entry.cutoff, opened.table.generalCutoff)
      let slot = try SessionSlot(
        start, tokens: tokens, random: random, subjectHash: hash,
        createdAt: max(Milliseconds.of(clock.now), cutoff + 1), now: clock.seconds,
        earlier: try SessionChain(of: hash, opened.data).slot(at: entry.head)?.index)
      if slot.hasLongSubject { try keep(start.subject, in: &entry, of: opened.table) }
      try opened.data.write(slot, at: index)
      entry.head = index
      do {
        try opened.table.write(entry, at: place)
      } catch {
        try? opened.data.removeSlots(from: index)
        throw error
      }
      try? opened.data.forgetExpired(try opened.data.state(), now: clock.seconds)
      // After a power loss, the links are made anew from the slots. The text can't be.
      let needsTable = slot.hasLongSubject || !files.relinksAfterBoot
      let id = SessionPosition(index: index, random: random).id(maskKey: opened.data.maskKey)
      return write(
        slot.session(id: id, longSubject: slot.hasLongSubject ? start.subject : nil),
        SessionFiles.Ticket(data: opened.data, table: needsTable ? opened.table : nil))
    }
  }

  /// Stores the text of a long subject once, however many sessions it has.
  private func keep(_ subject: String, in entry: inout SubjectEntry, of table: SubjectTable) throws {
    // A power loss may have taken a text that wasn't flushed.
    if let text = entry.text, let known = try? table.text(at: text), known.elementsEqual(subject.utf8) {
      return
    }
    entry.text = try table.append(Array(subject.utf8))
  }

  public func find(_ id: String) throws -> Session? {
    try files.translating {
      guard let opened = try files.reading(),
        let position = SessionPosition(id: id, maskKey: opened.data.maskKey),
        let slot = try settledSlot(at: position.index, opened.data), slot.isOf(random: position.random)
      else { return nil }
      return try files.settled { try session(slot, id, opened.table) }
    }
  }

  public func change(_ id: String, _ decide: (Session) throws -> SessionChange) throws -> SessionWrite? {
    // No files are made for an identifier that can't be one.
    guard try files.translating({ try files.reading() }) != nil else { return nil }
    return try writing { opened in
      guard let position = SessionPosition(id: id, maskKey: opened.data.maskKey),
        var slot = try opened.data.slot(at: position.index), slot.isOf(random: position.random)
      else { return nil }
      let now = try session(slot, id, opened.table)
      switch try decide(now) {
      case .keep: break
      case .issue(let tokens):
        try slot.issue(tokens)
        slot.lastUsedAt = clock.seconds
        try opened.data.write(slot, at: position.index)
      case .end(let reason):
        if now.end == nil {
          slot.end(at: Milliseconds.of(clock.now), reason: reason)
          try opened.data.write(slot, at: position.index)
        }
      }
      return write(
        try session(slot, id, opened.table),
        SessionFiles.Ticket(data: opened.data, table: slot.hasLongSubject ? opened.table : nil))
    }
  }

  public func touch(_ id: String, at now: Int) throws {
    do {
      try files.translating {
        guard try files.reading() != nil else { return }
        try files.lockedIfFree { opened in
          guard let position = SessionPosition(id: id, maskKey: opened.data.maskKey),
            var slot = try opened.data.slot(at: position.index), slot.isOf(random: position.random),
            !slot.isEnded, slot.lastUsedAt < now
          else { return }
          slot.lastUsedAt = now
          try opened.data.write(slot, at: position.index)
        }
      }
    } catch is StoreError, is WouldWait {
      // The session's next request notes its use.
    }
  }

  // MARK: - All sessions of a subject

  public func endAll(of subject: String, reason: String) throws -> SubjectEnd {
    let hash = Self.hash(subject)
    let (end, ticket) = try writing { opened -> (SubjectEnd, SessionFiles.Ticket) in
      let (opened, place) = try files.place(of: hash, opened)
      var entry = place.entry ?? SubjectEntry(hash: hash)
      let (now, before) = (Milliseconds.of(clock.now), max(entry.cutoff, opened.table.generalCutoff))
      var (cutoff, count) = (max(now, before), 0)
      var chain = SessionChain(of: hash, opened.data, from: entry.head)
      while let (_, slot) = try chain.next() {
        // The clock may have been set back since it began.
        cutoff = max(cutoff, slot.createdAt)
        if !slot.isEnded && slot.createdAt > before && slot.expiresAt > clock.seconds { count += 1 }
      }
      entry.cutoff = cutoff
      // On a full disk, the end has no reason.
      let text = SessionSlot.beginning(of: reason, SubjectTable.reasonSize)
      entry.reason = try? opened.table.put(reason: text, at: entry.reason)
      try opened.table.write(entry, at: place)
      return (
        SubjectEnd(at: Milliseconds.seconds(cutoff), sessions: count),
        SessionFiles.Ticket(table: opened.table)
      )
    }
    try files.waitUntilDurable(ticket)
    return end
  }

  public func cutoff(of subject: String) throws -> Double? {
    try files.translating {
      guard let table = try files.readingTable() else { return nil }
      let entry = try files.settled { try table.entry(of: Self.hash(subject)) }
      let cutoff = max(entry?.cutoff ?? 0, table.generalCutoff)
      return cutoff > 0 ? Milliseconds.seconds(cutoff) : nil
    }
  }

  // MARK: - Lists

  public func list(_ query: SessionQuery) throws -> SessionPage {
    try files.translating {
      guard let opened = try files.reading() else {
        if query.before != nil { throw UnknownCursor() }
        return SessionPage(sessions: [], cursor: nil)
      }
      var listing = SessionListing(query, maskKey: opened.data.maskKey)
      if let subject = query.subject {
        let hash = Self.hash(subject)
        let head = try files.settled { try opened.table.entry(of: hash) }?.head
        var chain = SessionChain(of: hash, opened.data, from: try listing.start ?? head) {
          try self.settledSlot(at: $0, opened.data)
        }
        // A session that is over may be gone since the page before.
        if let start = try listing.start, try start >= opened.data.state().first,
          try chain.slot(at: start) == nil
        {
          throw UnknownCursor()
        }
        while !listing.isDone, let (index, slot) = try chain.next() {
          try add(slot, index, to: &listing, opened)
        }
      } else {
        let (first, end) = (try opened.data.state().first, try opened.data.end())
        var index = try listing.start ?? end - 1
        while !listing.isDone && index >= first {
          if let slot = try settledSlot(at: index, opened.data) {
            try add(slot, index, to: &listing, opened)
          } else {
            listing.pass(index)
          }
          index -= 1
        }
      }
      return listing.page
    }
  }

  private func add(
    _ slot: SessionSlot, _ index: Int, to listing: inout SessionListing, _ opened: SessionFiles.Files
  ) throws {
    try listing.add(at: index) {
      let id = SessionPosition(index: index, random: slot.random).id(maskKey: opened.data.maskKey)
      do {
        return try files.settled { try session(slot, id, opened.table) }
      } catch is DamagedSector {
        // A power loss may have taken the text of its subject, before anybody was told of the session.
        alarm(index)
        return nil
      }
    }
  }

  // MARK: - Helpers

  /// The slot at an index, read without the lock; nil if there is none. A damaged one is no session: nobody
  /// gets in by it.
  private func settledSlot(at index: Int, _ data: SessionFile) throws -> SessionSlot? {
    do {
      return try files.settled {
        switch try data.content(at: index) {
        case .slot(let slot): return slot
        case .nothing: return nil
        case .damaged: throw DamagedSector()
        }
      }
    } catch is DamagedSector {
      alarm(index)
      return nil
    }
  }

  private func alarm(_ index: Int) {
    let (now, due) = (Clock.monotonicNanoseconds, nextAlarm.load(ordering: .relaxed))
    guard now >= due,
      nextAlarm.compareExchange(expected: due, desired: now + Self.alarmPause, ordering: .relaxed).exchanged
    else { return }
    logger.error(
      "damaged session counts as unknown; run pico-auth store verify",
      metadata: ["file": "\(path)", "slot": "\(index)"])
  }

  /// The session of a slot, ended if its subject's sessions are.
  /// - Throws: ``DamagedSector`` if the table can't tell.
  private func session(_ slot: SessionSlot, _ id: String, _ table: SubjectTable) throws -> Session {
    let entry = try table.entry(of: slot.subjectHash)
    let cutoff = max(entry?.cutoff ?? 0, table.generalCutoff)
    var longSubject: String?
    if slot.hasLongSubject {
      if let text = entry?.text {
        longSubject = String(decoding: try table.text(at: text), as: UTF8.self)
      } else if cutoff < slot.createdAt {
        // If the session is ended, a repair may have lost the text, and nobody needs it.
        throw DamagedSector()
      }
    }
    var session = slot.session(id: id, longSubject: longSubject)
    if session.end == nil && cutoff >= slot.createdAt {
      session.end = SessionEnd(
        at: Milliseconds.seconds(cutoff),
        reason: entry?.reason.flatMap { try? table.reason(at: $0) } ?? "subject revoked")
    }
    return session
  }

  private func writing<Value>(_ body: (SessionFiles.Files) throws -> Value) throws -> Value {
    try files.translating { try files.locked(body) }
  }

  private func write(_ session: Session, _ ticket: SessionFiles.Ticket) -> SessionWrite {
    SessionWrite(session) { [files] in try files.waitUntilDurable(ticket) }
  }

  private static func hash(_ subject: String) -> [UInt8] {
    Array(SHA256.hash(data: Array(subject.utf8)))
  }
}
