import ArgumentParser
import AuthServer
import Glibc

struct HashPassword: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the Argon2id hash of a password, for admin_password_hash.",
    discussion: """
      Reads the password from the terminal without echo, or from the first line of standard input. It takes no argument, \
      because every user of the host can see a command line.
      """)

  func run() throws {
    try reporting {
      let password = try isatty(0) == 1 ? ask() : readLine() ?? ""
      guard !password.isEmpty else { throw CommandError("no password given") }
      try Console.print(PasswordHash.make(password))
    }
  }

  private func ask() throws -> String {
    var settings = termios()
    tcgetattr(0, &settings)
    let before = settings
    settings.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(0, TCSAFLUSH, &settings)
    defer {
      var before = before
      tcsetattr(0, TCSAFLUSH, &before)
      Console.prompt("\n")
    }
    Console.prompt("Password: ")
    let first = readLine() ?? ""
    Console.prompt("\nAgain: ")
    guard readLine() == first else { throw CommandError("the passwords differ") }
    return first
  }
}

/// An error of a command, in words.
struct CommandError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
