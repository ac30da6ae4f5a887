import POSIX

/// Sorts any number of entries in a few megabytes of memory. Sorted runs go to a nameless file, and are
/// merged when they are read.
final class ExternalSort {
  /// How many entries a run has. A run is sorted in memory and takes 6 MiB.
  static let defaultRunLength = 1 << 18
  /// How much all runs together buffer while they are merged. Bytes.
  private static let mergeMemory = 4 << 20

  /// The runs are written beside this file.
  private let path: String
  private let runLength: Int
  private var run: [SortEntry] = []
  private var file: FileHandle?
  /// The offsets of the runs in the file. Bytes.
  private var runs: [Range<Int>] = []

  /// - Parameters:
  ///   - path: the runs are written beside this file.
  ///   - runLength: how many entries are held in memory.
  init(beside path: String, runLength: Int = defaultRunLength) {
    self.path = path
    self.runLength = runLength
  }

  var isEmpty: Bool { run.isEmpty && runs.isEmpty }

  /// Adds an entry.
  /// - Throws: ``SystemError``.
  func add(_ entry: SortEntry) throws {
    run.append(entry)
    if run.count == runLength { try writeRun() }
  }

  /// The entries in order. Add none after this.
  /// - Parameter others: functions that return further entries in order, and nil at their end.
  /// - Throws: ``SystemError``, and what `others` throw.
  func merged(with others: [() throws -> SortEntry?] = []) throws -> MergedEntries {
    var sources = others
    if runs.isEmpty {
      run.sort()
      var rest = run[...]
      run = []
      sources.append { rest.popFirst() }
    } else {
      if !run.isEmpty { try writeRun() }
      run = []
      let size = MemoryLayout<SortEntry>.stride
      let buffered = max(1024, Self.mergeMemory / runs.count / size)
      for range in runs {
        let reader = RunReader(file!, range, buffered: buffered * size)
        sources.append { try reader.next() }
      }
    }
    return try MergedEntries(sources)
  }

  private func writeRun() throws {
    run.sort()
    let file = try file ?? makeFile()
    self.file = file
    let start = runs.last?.upperBound ?? 0
    let bytes = run.withUnsafeBytes { Array($0) }
    try file.writeAll(bytes, at: start)
    runs.append(start..<start + bytes.count)
    run.removeAll(keepingCapacity: true)
  }

  private func makeFile() throws -> FileHandle {
    let name = "\(path).\(UInt64.random(in: 0 ... .max)).sort"
    let handle = try FileHandle(path: name, flags: .createNew)
    // The file is nameless from here on, so that a crash leaves nothing behind.
    try Files.remove(name)
    return handle
  }
}

/// Reads one sorted run.
private final class RunReader {
  private let file: FileHandle
  private var left: Range<Int>
  private let size: Int
  private var buffer: [SortEntry] = []
  private var position = 0

  /// - Parameter size: how much is read at once, a multiple of the size of an entry. Bytes.
  init(_ file: FileHandle, _ range: Range<Int>, buffered size: Int) {
    self.file = file
    left = range
    self.size = size
  }

  func next() throws -> SortEntry? {
    if position == buffer.count {
      let count = min(size, left.count)
      if count == 0 { return nil }
      let bytes = try file.read(count: count, at: left.lowerBound)
      guard bytes.count == count else {
        throw StoreError("another program cut a temporary file of the sort; try again")
      }
      buffer = bytes.withUnsafeBytes { Array($0.bindMemory(to: SortEntry.self)) }
      left = left.lowerBound + count..<left.upperBound
      position = 0
    }
    position += 1
    return buffer[position - 1]
  }
}
