import Supervision

// Descriptors and environment decide the run mode. No flag does, because web servers pass none.
switch StartMode.detect() {
case .worker: WorkerProcess.run()
case .script: ScriptProcess.run()
case .command: PicoAuth.run()
}
