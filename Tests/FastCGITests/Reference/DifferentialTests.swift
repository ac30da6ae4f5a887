import Foundation
import Synchronization
import TestSupport
import Testing

/// This program beside libfcgi, the reference implementation of FastCGI: the same streams of records to both, the same
/// answers from both. PICO_AUTH_STREAM_SEED and PICO_AUTH_STREAMS choose other streams, and how many.
@Suite struct DifferentialTests {
  private static let seed = setting("PICO_AUTH_STREAM_SEED") ?? 1
  private static let count = setting("PICO_AUTH_STREAMS") ?? 10_000
  private static let clients = 4
  /// More failures than that are not told.
  private static let tellable = 5

  private static func setting(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  @Test func everyStreamMeansTheSameToLibfcgi() throws {
    let folder = TemporaryFolder()
    let reference = try ReferenceResponder(in: folder, processes: Self.clients)
    let worker = try LocalWorker(path: folder.file("ours.sock"), handler: Echoing.work)
    let comparison = Comparison(reference: reference.path, ours: worker.path)
    let seen = Mutex<[Difference: Int]>([:])
    let failures = Atomic(0)
    _ = try concurrently(Self.clients) { client in
      for number in stride(from: client, to: Self.count, by: Self.clients) {
        let seed = UInt64(bitPattern: Int64(Self.seed)) << 32 | UInt64(number)
        let (kind, ordinal) = StreamKind.of(number)
        var generator = StreamGenerator(seed: seed)
        let test = generator.stream(kind, ordinal)
        let result = try comparison.run(test, random: SplitMix(seed: seed))
        seen.withLock { for difference in result.differences { $0[difference, default: 0] += 1 } }
        guard let failure = result.failure,
          failures.add(1, ordering: .relaxed).newValue <= Self.tellable
        else { continue }
        Issue.record(
          "seed \(Self.seed), stream \(number), \(kind), in \(test.stream.pieces):\n\(failure)\n\(test.stream.hexDump)"
        )
      }
    }
    #expect(failures.load(ordering: .relaxed) == 0)
    #expect(worker.stop())
    // The table of differences has nothing that isn't there. A few streams needn't show them all.
    guard Self.count >= 10_000 else { return }
    for difference in Difference.allCases {
      #expect(seen.withLock { $0[difference] } != nil, "\(difference) was not seen")
    }
  }

  @Test func theTableOfDifferencesIsInTheDocumentation() throws {
    let page = try String(contentsOfFile: "\(WebServer.project)/docs/decisions.md", encoding: .utf8)
    let table = page.components(separatedBy: "<!-- differences -->\n").last?
      .components(separatedBy: "<!-- /differences -->").first
    #expect(table == Difference.table, "docs/decisions.md must have:\n\(Difference.table)")
  }
}
