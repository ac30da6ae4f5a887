import Glibc
import POSIX

/// A pipe between this process and its workers.
struct WorkerPipe {
  let reading: FileHandle
  let writing: FileHandle

  init() throws(SystemError) {
    var ends: [Int32] = [0, 0]
    try retryingOnInterrupt("pipe") { pipe(&ends) }
    reading = try WorkerLaunch.movedUp(FileHandle(owning: ends[0]))
    writing = try WorkerLaunch.movedUp(FileHandle(owning: ends[1]))
    // A worker must not wait for a supervisor that reads nothing any more.
    for end in [reading, writing] {
      try retryingOnInterrupt("fcntl") { fcntl(end.descriptor, F_SETFL, O_NONBLOCK) }
    }
  }

  /// The process ids that workers have written; negative ones of workers that stop.
  func readNumbers() -> [pid_t] {
    var numbers: [pid_t] = []
    var number: pid_t = 0
    let size = MemoryLayout<pid_t>.size
    while read(reading.descriptor, &number, size) == size { numbers.append(number) }
    return numbers
  }
}
