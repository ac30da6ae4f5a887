// What the worker loop needs from the process around it. The module Supervision implements both protocols.

/// Tells a worker loop when to stop.
public protocol StopRequest: Sendable {
  /// One of these descriptors becomes readable when the worker must stop. It stays readable, so that every thread
  /// sees it.
  var descriptors: [Int32] { get }

  /// Whether the worker must end within seconds. A stop that isn't urgent is graceful: the worker answers every
  /// request that has arrived, however slowly the peers read.
  var isUrgent: Bool { get }

  /// Blocks until the worker must stop.
  func wait()

  /// Requests a graceful stop from within the worker.
  func stopGracefully()
}

/// Receives the sign of life of a worker's threads.
public protocol LivenessReport: AnyObject, Sendable {
  /// The longest time that a thread may wait for requests before it calls ``beat()`` again. Milliseconds.
  var milliseconds: Int32 { get }

  /// Reports that a thread is alive. Does nothing if a report was made shortly before, so callers may call it often.
  func beat()

  /// Reports that the worker accepts no more connections.
  func reportStop()
}
