import Foundation
import TestSupport
import Testing

/// What `make install` and `make deb` put on a host, in a folder that stands for it.
@Suite struct PackageTests {
  private let folder = TemporaryFolder()
  private var root: String { folder.file("root") }

  private func script(_ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    let result = try Tool.run(
      arguments.enumerated().map { $0 == 0 ? "\(WebServer.project)/scripts/\($1)" : $1 },
      environment: environment.merging(["PROGRAM": Tool.picoAuth]) { given, _ in given })
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  @Test func anInstallationFollowsTheFileHierarchy() throws {
    let environment = ["DESTDIR": root, "PREFIX": "/opt/pico"]
    _ = try script(["install"], environment: environment)
    let program = try Tool.run(["\(root)/opt/pico/bin/pico-auth", "--version"])
    #expect(program.status == 0)
    let unit = try folder.read("root/opt/pico/lib/systemd/system/pico-auth.service")
    #expect(unit.contains("ExecStart=/opt/pico/bin/pico-auth serve"))
    let config = "root/etc/pico-auth/config.yaml"
    let mode =
      try FileManager.default.attributesOfItem(atPath: folder.file(config))[.posixPermissions] as? Int
    #expect(mode == 0o640)
    let check = try Tool.run(["\(root)/opt/pico/bin/pico-auth", "check", "--config", folder.file(config)])
    #expect(check.status == 0, "\(check.errors)")
    for file in [
      "share/man/man8/pico-auth.8", "share/pico-auth/nginx/pico-auth-locations.conf",
      "share/pico-auth/apache/pico-auth-fcgid.conf", "share/pico-auth/lighttpd/pico-auth-spawned.conf",
      "share/pico-auth/fail2ban/pico-auth.conf",
      "lib/sysusers.d/pico-auth.conf", "lib/tmpfiles.d/pico-auth.conf", "lib/systemd/system/pico-auth.socket",
    ] {
      #expect(FileManager.default.isReadableFile(atPath: "\(root)/opt/pico/\(file)"), "\(file)")
    }
    // A second installation leaves what somebody has edited.
    try folder.write(config, "server_auth:\n  issuer: mine\n", mode: 0o640)
    _ = try script(["install"], environment: environment)
    #expect(try folder.read(config).contains("mine"))
  }

  /// Nobody but root can look into a process whose program they can't read, not even before it hides itself: a command that
  /// waits for its input never does.
  @Test(.enabled(if: getuid() == 0, "only root can become another user"))
  func aProcessOfTheInstalledProgramIsHiddenFromItsStart() throws {
    _ = try script(["install"], environment: ["DESTDIR": root])
    let installed = "\(root)/usr/local/bin/pico-auth"
    var status = stat()
    #expect(stat(installed, &status) == 0 && status.st_mode & 0o7777 == 0o711)
    let readable = folder.file("readable")
    _ = try Tool.run(["install", "-m", "0755", installed, readable])
    let input = folder.file("input")
    #expect(mkfifo(input, 0o600) == 0)
    #expect(try Tool.run(["chown", "nobody", input]).status == 0)
    #expect(chmod(folder.path, 0o755) == 0)
    let nobody = try #require(getpwnam("nobody")?.pointee.pw_uid)
    for (program, owner) in [(installed, 0), (readable, nobody)] {
      let child = try Child(
        [
          "setpriv", "--reuid", "nobody", "--clear-groups", "bash", "-c", #"exec "$0" hash-password 0<>"$1""#,
          program,
          input,
        ], log: folder.file("log"))
      let process = "/proc/\(child.identifier)"
      #expect(
        eventually {
          (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(process)/exe")) == program
            && stat("\(process)/mem", &status) == 0
        }, "\(child.output)")
      #expect(status.st_uid == owner, "\(program)")
      child.kill(SIGKILL)
    }
  }

  /// The manual names every command, and lets itself be read.
  @Test func theManualIsComplete() throws {
    let manual = try String(contentsOfFile: "\(WebServer.project)/deploy/man/pico-auth.8", encoding: .utf8)
    let help = try Tool.run([Tool.picoAuth, "--help"]).output
    let commands =
      help.components(separatedBy: "SUBCOMMANDS:").last?.matches(of: #/\n  ([a-z-]+) +[A-Z]/#) ?? []
    #expect(commands.count > 5)
    for command in commands { #expect(manual.contains(String(command.1)), "\(command.1)") }
    let options = try Tool.run([Tool.picoAuth, "serve", "--help"]).output.matches(of: #/\n  --([a-z-]+)/#)
    #expect(options.count > 8)
    for option in options where !["version", "help"].contains(option.1) {
      #expect(
        manual.contains(option.1.replacing("-", with: "\\-")) || manual.contains(option.1), "\(option.1)")
    }
  }

  private func dpkg(_ arguments: [String]) throws -> CommandResult {
    try Tool.run(["dpkg", "--root=\(root)", "--force-depends", "--force-script-chrootless"] + arguments)
  }

  private func install(_ package: String) throws {
    if !FileManager.default.fileExists(atPath: "\(root)/etc/group") {
      for path in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc"] {
        try FileManager.default.createDirectory(atPath: "\(root)/\(path)", withIntermediateDirectories: true)
      }
      try folder.write("root/var/lib/dpkg/status", "")
      try folder.write("root/etc/group", "root:x:0:\nwww-data:x:33:\n", mode: 0o644)
      try folder.write("root/etc/passwd", "www-data:x:33:33::/var/www:/usr/sbin/nologin\n", mode: 0o644)
    }
    let installed = try dpkg(["--install", package])
    try #require(installed.status == 0, "\(installed.errors)")
  }

  private func owner(_ path: String) throws -> String {
    var status = stat()
    try #require(stat("\(root)/\(path)", &status) == 0)
    return "\(status.st_uid):\(status.st_gid) \(String(status.st_mode & 0o777, radix: 8))"
  }

  @Test func thePackageIsTheSameWhenItIsBuiltTwice() throws {
    let first = try BuiltPackage.path
    // Its files are of another second.
    let start = Date()
    #expect(eventually { Date().timeIntervalSince(start) > 1.1 })
    let second = try BuiltPackage.pack(into: folder.file("second"))
    #expect(first != second)
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: first)) == Data(contentsOf: URL(fileURLWithPath: second)))
  }

  @Test func thePackageCarriesDocumentsCompletionsAndLicences() throws {
    #expect(try Tool.run(["dpkg-deb", "--extract", try BuiltPackage.path, root]).status == 0)
    for file in [
      "doc/pico-auth/README.md", "doc/pico-auth/docs/deployment.md", "doc/pico-auth/docs/security.md",
      "doc/pico-auth/changelog.gz", "man/man8/pico-auth.8.gz",
    ] {
      #expect(FileManager.default.isReadableFile(atPath: "\(root)/usr/share/\(file)"), "\(file)")
    }
    #expect(
      try Tool.run(["gzip", "-dc", "\(root)/usr/share/doc/pico-auth/changelog.gz"]).output.contains(
        "Unreleased"))
    for file in [
      "bash-completion/completions/pico-auth", "zsh/vendor-completions/_pico-auth",
      "fish/vendor_completions.d/pico-auth.fish",
    ] {
      let text = try folder.read("root/usr/share/\(file)")
      #expect(text.contains("print-config") && text.contains("max-requests"), "\(file)")
    }
    #expect(
      try Tool.run(["bash", "-n", "\(root)/usr/share/bash-completion/completions/pico-auth"]).status == 0)
    // Everything that is linked in has its licence and who has the rights.
    let paragraphs = try folder.read("root/usr/share/doc/pico-auth/copyright").components(separatedBy: "\n\n")
    let manifest = try String(contentsOfFile: "\(WebServer.project)/Package.swift", encoding: .utf8)
    let packages = manifest.matches(of: #/url: "https://github.com/apple/([a-z-]+)"/#).map { String($0.1) }
    #expect(packages.count >= 4)
    for name in packages + [
      "swift-runtime", "swift-foundation", "libdispatch", "BoringSSL", "fiat-crypto", "XKCP", "libstdc++",
    ] {
      let paragraph = try #require(
        paragraphs.first { $0.hasPrefix("Files: usr/bin/pico-auth/\(name)\n") }, "\(name)")
      #expect(paragraph.contains("\nCopyright: "), "\(name)")
      let licence = try #require(paragraph.firstMatch(of: #/\n(License: .+)/#).map { String($0.1) })
      #expect(paragraphs.contains { $0.hasPrefix("\(licence)\n ") }, "\(licence)")
    }
  }

  /// lighttpd and mod_fcgid start the program as their own user, who has the state folder then.
  @Test(.enabled(if: getuid() == 0, "only root can give files to the web server's user"))
  func aFolderGivenToTheWebServerStaysItsAfterABootAndAnUpgrade() throws {
    let package = try BuiltPackage.path
    try install(package)
    #expect(chmod(folder.path, 0o755) == 0)
    // As docs/deployment.md says.
    #expect(try Tool.run(["chown", "-R", "33:33", "\(root)/var/lib/pico-auth"]).status == 0)
    #expect(try Tool.run(["chgrp", "33", "\(root)/etc/pico-auth/config.yaml"]).status == 0)
    func check() throws {
      #expect(try owner("var/lib/pico-auth") == "33:33 700")
      #expect(try owner("etc/pico-auth/config.yaml") == "0:33 640")
      let config = ["--config", "\(root)/etc/pico-auth/config.yaml"]
      let environment = ["SERVER_AUTH_STATE_DIR": "\(root)/var/lib/pico-auth"]
      let result = try Tool.run(
        ["\(root)/usr/bin/pico-auth", "check", "--user", "www-data"] + config, environment: environment)
      #expect(result.status == 0, "\(result.errors)")
      #expect(chmod(folder.path, 0o1777) == 0)
      let socket = folder.file("s.sock")
      let service = try Child(
        ["setpriv", "--reuid", "33", "--regid", "33", "--clear-groups", "\(root)/usr/bin/pico-auth", "serve"]
          + ["--listen", "unix:\(socket)", "--workers", "1"] + config, environment: environment,
        log: folder.file("log"))
      #expect(eventually { Backend.answers(socket) || !service.isRunning })
      #expect(try FastCGIClient(unix: socket).get("/health/ready").status == 200, "\(service.output)")
      #expect(service.stop(within: 2) == 0)
    }
    try check()
    let boot = try Tool.run(["systemd-tmpfiles", "--root=\(root)", "--create", "--boot", "pico-auth.conf"])
    #expect(boot.status == 0, "\(boot.errors)")
    try check()
    try install(package)
    try check()
    // A folder that is gone is made for the package's user again.
    try FileManager.default.removeItem(atPath: "\(root)/var/lib/pico-auth")
    #expect(try Tool.run(["systemd-tmpfiles", "--root=\(root)", "--create", "pico-auth.conf"]).status == 0)
    #expect(try owner("var/lib/pico-auth").hasSuffix(" 700"))
    #expect(try !owner("var/lib/pico-auth").hasPrefix("33:"))
  }

  /// Of the release build, which the tests of `make test` have.
  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["PICO_AUTH_BINARY"] != nil, "PICO_AUTH_BINARY isn't set")
  )
  func theBinaryIsHardened() throws {
    let dynamic = try Tool.run(["readelf", "-W", "-d", Tool.picoAuth]).output
    #expect(dynamic.contains(#/\(FLAGS\) .*BIND_NOW/#))
    #expect(dynamic.contains(#/\(FLAGS_1\) .*NOW.* PIE/#))
    #expect(!dynamic.contains("RUNPATH") && !dynamic.contains("RPATH"))
    let segments = try Tool.run(["readelf", "-W", "-l", Tool.picoAuth]).output
    #expect(segments.contains("GNU_RELRO"))
    #expect(segments.contains(#/GNU_STACK +(0x0+ +)+0x0+ +RW +/#) || segments.contains(#/GNU_STACK .* RW /#))
    #expect(!segments.contains(#/(GNU_STACK|LOAD) .*RWE/#))
  }

  @Test(.enabled(if: getuid() == 0, "only root can give files to the package's user"))
  func thePackageInstallsServesAndGoes() throws {
    try install(try BuiltPackage.path)

    // The user is the folder's own, not the host's: by number.
    let user = try folder.read("root/etc/passwd").split(separator: "\n").first { $0.hasPrefix("pico-auth:") }
    let number = try #require(user?.split(separator: ":")[2])
    var status = stat()
    #expect(stat("\(root)/var/lib/pico-auth", &status) == 0)
    #expect("\(status.st_uid)" == number && status.st_mode & 0o777 == 0o700)
    #expect(stat("\(root)/etc/pico-auth/config.yaml", &status) == 0)
    #expect(status.st_uid == 0 && "\(status.st_gid)" == number && status.st_mode & 0o777 == 0o640)

    let socket = folder.file("s.sock")
    let service = try Child(
      [
        "\(root)/usr/bin/pico-auth", "serve", "--listen", "unix:\(socket)", "--workers", "1", "--config",
        "\(root)/etc/pico-auth/config.yaml",
      ], environment: ["SERVER_AUTH_STATE_DIR": "\(root)/var/lib/pico-auth"], log: folder.file("log"))
    #expect(eventually { Backend.answers(socket) || !service.isRunning })
    #expect(try FastCGIClient(unix: socket).get("/health/ready").status == 200, "\(service.output)")
    #expect(service.stop(within: 2) == 0)

    let purged = try dpkg(["--purge", "pico-auth"])
    #expect(purged.status == 0, "\(purged.errors)")
    for path in ["etc/pico-auth", "var/lib/pico-auth", "usr/bin/pico-auth", "usr/share/pico-auth"] {
      #expect(!FileManager.default.fileExists(atPath: "\(root)/\(path)"), "\(path)")
    }
  }
}
