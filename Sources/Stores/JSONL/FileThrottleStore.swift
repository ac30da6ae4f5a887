import Logging
import POSIX
import Synchronization

/// Failed attempts in a file of fixed size, which all workers change in place under a lock.
///
/// The file isn't flushed to the disk. A damaged record counts as empty, and a damaged file is made anew: the store
/// would otherwise keep everybody from signing in.
public final class FileThrottleStore: ThrottleStore {
  private let path: String
  private let reserve: SpaceReserve?
  private let clock: Clock
  private let logger: Logger
  private let lock: FileLock
  private let known = Mutex<ThrottleFile?>(nil)

  /// - Parameters:
  ///   - path: the file. `<path>.lock` is beside it. Both are made by the first attempt.
  ///   - reserve: the free space that a new file must leave on the disk; nil for none.
  ///   - clock: the time of day.
  ///   - logger: gets what the store repairs.
  public init(path: String, reserve: SpaceReserve? = nil, clock: Clock, logger: Logger) {
    self.path = path
    self.reserve = reserve
    self.clock = clock
    self.logger = logger
    lock = FileLock(path: path + ".lock")
  }

  public func admit(_ limits: [ThrottleLimit]) throws -> ThrottleTicket? {
    if let counts = try peek(limits) {
      let counted = zip(limits, counts)
      if counted.allSatisfy({ !$1.isBeyond($0) }) {
        return ThrottleTicket(limits: limits, isCounted: limits.map { _ in false })
      }
      // Most attempts of a guesser end here, so they cost little.
      let now = clock.now
      if counted.contains(where: { $1.lastFailure <= now && $1.wait($0, at: now) > 0 }) { return nil }
    }
    return try changing { file in
      let now = clock.now
      var slots = try limits.map { try Slot($0, in: file, at: now) }
      try correct(&slots, in: file, at: now)
      guard slots.allSatisfy({ $0.count.wait($0.limit, at: now) == 0 }) else { return nil }
      let isCounted = slots.map { $0.count.isBeyond($0.limit) }
      for index in slots.indices where isCounted[index] {
        slots[index].count.add(slots[index].limit, at: now)
        try slots[index].write(to: file)
      }
      return ThrottleTicket(limits: limits, isCounted: isCounted)
    }
  }

  public func isDelayed(_ limits: [ThrottleLimit]) throws -> Bool {
    let now = clock.now
    func isAnyDelayed(_ counts: [ThrottleCount]) -> Bool {
      zip(limits, counts).contains { $1.wait($0, at: now) > 0 }
    }
    if let counts = try peek(limits),
      zip(limits, counts).allSatisfy({ $1.lastFailure <= now || !$1.isBeyond($0) })
    {
      return isAnyDelayed(counts)
    }
    // Without a file, makes one, or throws: where failures can't be counted, nothing may be checked.
    return try changing { file in
      var slots = try limits.map { try Slot($0, in: file, at: now) }
      try correct(&slots, in: file, at: now)
      return isAnyDelayed(slots.map(\.count))
    }
  }

  public func fail(_ ticket: ThrottleTicket) throws {
    let limits = ticket.uncounted
    guard !limits.isEmpty else { return }
    try changing { file in
      for limit in limits {
        // Read one by one: two limits may share a bucket.
        let now = clock.now
        var slot = try Slot(limit, in: file, at: now)
        slot.count.add(limit, at: now)
        try slot.write(to: file)
      }
    }
  }

  public func succeed(_ ticket: ThrottleTicket) throws {
    let limits = ticket.counted
    guard !limits.isEmpty else { return }
    try changing { file in
      for limit in limits {
        var slot = try Slot(limit, in: file, at: clock.now)
        slot.count.takeBack()
        try slot.write(to: file)
      }
    }
  }

  public func rememberSignIn(_ subject: ThrottleSubject) throws {
    try changing { file in
      let place = file.signInPlace(of: subject)
      let records = try file.records(place.bucket, of: SignInRecord.self)
      let now = clock.now
      // The oldest gives way, or one of a clock that was ahead.
      func age(_ way: Int) -> Double { records[way].map { abs(now - $0.time) } ?? .infinity }
      let way = records.firstIndex { $0?.digest == place.digest } ?? records.indices.max { age($0) < age($1) }
      try file.write(SignInRecord(digest: place.digest, time: now), place.bucket, way ?? 0)
    }
  }

  public func lastSignIn(_ subject: ThrottleSubject) throws -> Double? {
    func time(_ records: [SignInRecord?], _ place: ThrottleFile.Place) -> Double? {
      records.first { $0?.digest == place.digest }??.time
    }
    if let file = try StoreError.translating(path, current) {
      let place = file.signInPlace(of: subject)
      if let records = try? file.recordsIfWhole(place.bucket, of: SignInRecord.self) {
        return time(records, place)
      }
    }
    return try changing { file in
      let place = file.signInPlace(of: subject)
      return time(try file.records(place.bucket, of: SignInRecord.self), place)
    }
  }

  public func list() throws -> [ThrottleEntry] {
    try StoreError.translating(path) {
      guard let file = try current() else { return [] }
      let now = clock.now
      return try ThrottleSubject.Kind.allCases.flatMap { ThrottleFile.buckets($0) }.flatMap { bucket in
        try file.records(bucket, of: ThrottleRecord.self).compactMap { record -> ThrottleEntry? in
          guard let record else { return nil }
          let failures = record.count.remaining(record.limit, at: now)
          guard failures > 0 else { return nil }
          return ThrottleEntry(
            subject: record.subject, failures: failures, lastFailure: record.count.lastFailure,
            wait: record.count.wait(record.limit, at: now))
        }
      }
    }
  }

  public func clear(_ subjects: [ThrottleSubject]) throws -> Int {
    guard try exists() else { return 0 }
    return try changing { file in
      var cleared = 0
      for subject in subjects {
        let place = file.place(of: subject)
        for (way, record) in try file.records(place.bucket, of: ThrottleRecord.self).enumerated()
        where record?.digest == place.digest {
          try file.write(ThrottleRecord?.none, place.bucket, way)
          cleared += 1
        }
      }
      return cleared
    }
  }

  public func clearAll() throws -> Int {
    guard try exists() else { return 0 }
    return try changing { file in
      var cleared = 0
      for bucket in ThrottleSubject.Kind.allCases.flatMap({ ThrottleFile.buckets($0) }) {
        for (way, record) in try file.records(bucket, of: ThrottleRecord.self).enumerated()
        where record != nil {
          try file.write(ThrottleRecord?.none, bucket, way)
          cleared += 1
        }
      }
      return cleared
    }
  }

  public func checkWritable() throws {
    try StoreError.translating(path) { try SharedFiles.checkWritable(path) }
  }

  // MARK: - The file

  /// Where the count of a limit's subject is, or will be.
  private struct Slot {
    let limit: ThrottleLimit
    let place: ThrottleFile.Place
    let way: Int
    var count: ThrottleCount

    /// A subject that isn't in its bucket takes an empty place, or else that of the subject with the fewest failures,
    /// and the oldest of these. So new subjects displace each other, and not one that somebody attacks.
    init(_ limit: ThrottleLimit, in file: ThrottleFile, at now: Double) throws {
      let place = file.place(of: limit.subject)
      let records = try file.records(place.bucket, of: ThrottleRecord.self)
      self.limit = limit
      self.place = place
      if let way = records.firstIndex(where: { $0?.digest == place.digest }), let record = records[way] {
        self.way = way
        count = record.count
        return
      }
      way = records.indices.min { Self.weight(records[$0], now) < Self.weight(records[$1], now) } ?? 0
      count = ThrottleCount()
    }

    private static func weight(_ record: ThrottleRecord?, _ now: Double) -> (Double, Double) {
      guard let record else { return (-1, 0) }
      return (record.count.remaining(record.limit, at: now), record.count.lastFailure)
    }

    func write(to file: ThrottleFile) throws {
      let record = count.failures > 0 ? ThrottleRecord(digest: place.digest, limit: limit, count: count) : nil
      try file.write(record, place.bucket, way)
    }
  }

  private func correct(_ slots: inout [Slot], in file: ThrottleFile, at now: Double) throws {
    for index in slots.indices where slots[index].count.lastFailure > now {
      slots[index].count.correct(at: now)
      try slots[index].write(to: file)
    }
  }

  /// The counts of limits, without the lock.
  /// - Returns: nil if the lock is needed to tell.
  private func peek(_ limits: [ThrottleLimit]) throws -> [ThrottleCount]? {
    try StoreError.translating(path) {
      // Without a file, failures couldn't be counted. So an attempt makes it, or is refused if that fails.
      guard let file = try current() else { return nil }
      var counts: [ThrottleCount] = []
      for limit in limits {
        let place = file.place(of: limit.subject)
        guard let records = try? file.recordsIfWhole(place.bucket, of: ThrottleRecord.self) else {
          return nil
        }
        counts.append(records.first { $0?.digest == place.digest }??.count ?? ThrottleCount())
      }
      return counts
    }
  }

  /// The file, opened again if another one has its name.
  /// - Returns: nil if there is none or it is damaged.
  private func current() throws -> ThrottleFile? {
    let identity = try FileStatus.ofFile(at: path)?.identity
    if let held = known.withLock({ $0 }), held.identity == identity { return held }
    do {
      let file = try ThrottleFile.open(path)
      known.withLock { $0 = file }
      return file
    } catch ThrottleFile.Refusal.foreign {
      throw StoreError("\(path): another program's file; move it away")
    } catch ThrottleFile.Refusal.damaged {
      return nil
    }
  }

  /// Runs a body under the lock, with the file. Makes the file if it is missing or damaged.
  private func changing<Value>(_ body: (ThrottleFile) throws -> Value) throws -> Value {
    try StoreError.translating(path) {
      try lock.withLock {
        do {
          return try body(try current() ?? make())
        } catch ThrottleFile.Refusal.damaged {
          return try body(try make())
        }
      }
    }
  }

  private func exists() throws -> Bool {
    try StoreError.translating(path) { try FileStatus.ofFile(at: path) != nil }
  }

  private func make() throws -> ThrottleFile {
    try SharedFiles.checkFolder(of: path)
    if try FileStatus.ofFile(at: path) != nil {
      logger.error("failed attempts forgotten, the file was damaged", metadata: ["file": "\(path)"])
      try Files.remove(path)
    }
    try reserve?.require(ThrottleFile.size)
    _ = try Files.createWhole(path, ThrottleFile.empty())
    guard let file = try current() else { throw StoreError("\(path): removed by another program") }
    return file
  }
}
