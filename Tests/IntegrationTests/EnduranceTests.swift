import Foundation
import Synchronization
import TestSupport
import Testing

/// A service under load while things happen to it.
@Suite(.serialized) struct EnduranceTests {
  private let folder = TemporaryFolder()

  /// 20,000 requests of both kinds, over connections that nginx keeps, while all workers are replaced twenty times.
  @Test func noRequestIsLostToReloads() throws {
    let backend = try Backend(in: folder, workers: 2)
    let nginx = try WebServer.nginx([backend.socket])
    let port = nginx.client.port
    let statuses = Mutex<[Int: Int]>([:])
    let done = Atomic<Int>(0)
    let load = Thread {
      _ = try? concurrently(8) { number in
        let client = HTTPClient(port: port)
        for count in 0..<2500 {
          let isPost = (count + number).isMultiple(of: 2)
          let status =
            (try? isPost
              ? client.postJSON("/challenge", #"{"address":"aa"}"#).status : client.get("/jwks").status) ?? 0
          statuses.withLock { $0[status, default: 0] += 1 }
          done.add(1, ordering: .relaxed)
        }
      }
    }
    load.start()
    for round in 1...20 {
      // Spread over the load, whatever its pace.
      #expect(eventually(within: 120) { done.load(ordering: .relaxed) >= round * 900 })
      let before = Set(backend.child.children)
      backend.child.kill(SIGHUP)
      #expect(
        eventually(within: 30) {
          let now = backend.child.children
          return now.count == 2 && before.isDisjoint(with: now)
        })
    }
    #expect(eventually(within: 120) { load.isFinished })
    #expect(statuses.withLock { $0 } == [200: 20_000])
    #expect(!backend.child.output.contains("signal"))
  }

  /// Out of descriptors for ten seconds: nobody exits, and afterwards all is as before.
  @Test func exhaustedDescriptorsEndNobody() throws {
    let backend = try Backend(in: folder, workers: 2)
    let workers = backend.child.children
    for worker in workers {
      #expect(try Tool.run(["prlimit", "--pid", "\(worker)", "--nofile=40:40"]).status == 0)
    }
    let start = Date()
    while Date().timeIntervalSince(start) < 10 {
      // More than both workers can have open; the rest waits in the queue.
      let idle = try (0..<200).map { _ in try FastCGIClient(unix: backend.socket) }
      #expect(eventually { backend.child.output.contains("can't accept connections") })
      withExtendedLifetime(idle) {}
    }
    let end = Date()
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    #expect(try FastCGIClient(unix: backend.socket).challenge("aa").count == 64)
    #expect(Date().timeIntervalSince(end) < 1)
    #expect(backend.child.children == workers)
  }
}
