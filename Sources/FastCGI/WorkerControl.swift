// What a worker loop needs of whoever supervises its process. The loop depends on nothing more of it.

/// Tells a worker loop when to stop.
public protocol StopRequest: Sendable {
  /// Descriptors of which one becomes readable when the worker is to stop. It stays readable, so that every thread that
  /// waits for it finds out.
  var descriptors: [Int32] { get }

  /// Whether the worker has little time left. Otherwise the stop is graceful: the worker answers every request that has
  /// come, however long the peers take.
  var isUrgent: Bool { get }

  /// Waits until the worker is to stop.
  func wait()

  /// Requests a graceful stop from within the worker.
  func stopGracefully()
}

/// Hears that a worker's threads make progress.
public protocol LivenessReport: AnyObject, Sendable {
  /// How long a thread may wait for requests until it calls ``beat()`` again. Milliseconds.
  var milliseconds: Int32 { get }

  /// Reports progress if it is time for that; costs next to nothing otherwise.
  func beat()

  /// Reports that the worker accepts no more connections.
  func reportStop()
}
