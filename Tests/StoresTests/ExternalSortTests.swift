import POSIX
import TestSupport
import Testing

@testable import Stores

@Suite struct ExternalSortTests {
  private let folder = TemporaryFolder()

  private func entry(_ number: Int) -> SortEntry {
    SortEntry(key: TokenIDHash("\(number)"), value: number)
  }

  @Test(arguments: [0, 1, 9, 10, 11, 5000])
  func anyNumberComesOutInOrder(_ count: Int) throws {
    let sort = ExternalSort(beside: folder.file("log"), runLength: 10)
    for number in 0..<count { try sort.add(entry(number)) }
    #expect(sort.isEmpty == (count == 0))
    var merged = try sort.merged()
    var all: [SortEntry] = []
    while let next = try merged.next() { all.append(next) }
    #expect(all == (0..<count).map(entry).sorted())
    #expect(try Files.names(in: folder.path).isEmpty)
  }

  @Test func furtherSourcesAreMergedIn() throws {
    let sort = ExternalSort(beside: folder.file("log"), runLength: 4)
    for number in stride(from: 0, to: 100, by: 2) { try sort.add(entry(number)) }
    var others = stride(from: 1, to: 100, by: 2).map(entry).sorted()[...]
    var merged = try sort.merged(with: [{ others.popFirst() }, { nil }])
    var all: [SortEntry] = []
    while let next = try merged.next() { all.append(next) }
    #expect(all == (0..<100).map(entry).sorted())
  }
}
