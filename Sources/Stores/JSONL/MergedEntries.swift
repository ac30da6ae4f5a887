/// Merges the sorted entries of several sources with a heap that holds the first entry of each.
struct MergedEntries {
  private let sources: [() throws -> SortEntry?]
  /// A binary heap with the least entry at its root.
  private var heap: [(entry: SortEntry, source: Int)] = []

  /// - Parameter sources: each returns its entries in order, and nil at its end.
  /// - Throws: what a source throws.
  init(_ sources: [() throws -> SortEntry?]) throws {
    self.sources = sources
    for (source, next) in sources.enumerated() {
      if let entry = try next() { heap.append((entry, source)) }
    }
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  /// The next entry in order. It isn't removed.
  var first: SortEntry? { heap.first?.entry }

  /// Removes the next entry in order and returns it; nil at the end.
  /// - Throws: what a source throws.
  mutating func next() throws -> SortEntry? {
    guard let (entry, source) = heap.first else { return nil }
    if let following = try sources[source]() {
      heap[0].entry = following
    } else {
      heap[0] = heap[heap.count - 1]
      heap.removeLast()
    }
    sink(0)
    return entry
  }

  private mutating func sink(_ index: Int) {
    var index = index
    while true {
      var least = index
      for child in 2 * index + 1...2 * index + 2 where child < heap.count {
        if heap[child].entry < heap[least].entry { least = child }
      }
      if least == index { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
