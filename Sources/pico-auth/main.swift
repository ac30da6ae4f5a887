import Supervision

// How the program was started decides what it does: no flag says so, because web servers pass none.
switch StartMode.detect() {
case .worker: WorkerProcess.run()
case .script: ScriptProcess.run()
case .command: PicoAuth.run()
}
