import Foundation
import TestSupport
import Testing

/// lighttpd ignores what it has no module for, a gate as well: the shipped files must not let it start so.
@Suite struct LighttpdModuleTests {
  private let folder = TemporaryFolder()

  /// A lighttpd that knows the gate's files, and nothing of `pico-auth.conf`.
  private func config(_ modules: String, _ site: String, port: Int) throws -> String {
    let printed = try Tool.run([Tool.picoAuth, "print-config", "lighttpd", "--directory", folder.path])
    #expect(printed.status == 0, "\(printed.errors)")
    try folder.write("htdocs/page.txt", "a page")
    try folder.write("htdocs/page.cgi", "#!/bin/sh\necho; echo a page; env\n", mode: 0o755)
    return try folder.write(
      "lighttpd.conf",
      """
      \(modules)
      server.document-root = "\(folder.file("htdocs"))"
      server.bind = "127.0.0.1"
      server.port = \(port)
      var.pico_auth_docroot = "\(folder.file("htdocs"))"
      \(site)
      """)
  }

  /// Nobody answers at the socket, so a gate that asks ends in 503.
  @Test(arguments: [
    #"server.modules = ("mod_cgi")"#, "",
    #"server.modules = ("mod_cgi", "mod_access", "mod_fastcgi", "mod_setenv")"#,
    #"server.modules += ("mod_fastcgi", "mod_setenv")"#,
  ])
  func theGateAsksWhateverModulesAreNamed(_ modules: String) throws {
    let port = Socket.freePort()
    let config = try config(
      modules,
      """
      include "pico-auth-targets.conf"
      $HTTP["url"] =~ "^/" {
        include "pico-auth-gate.conf"
        cgi.assign = (".cgi" => "")
      }
      """, port: port)
    let server = try Child(["lighttpd", "-D", "-f", config], log: folder.file("log"))
    #expect(eventually { (try? Socket(port: port)) != nil || !server.isRunning })
    let client = HTTPClient(port: port)
    for path in ["/page.txt", "/page.cgi"] {
      #expect(try client.get(path).status == 503, "\(path): \(server.output)")
    }
    #expect(!server.output.contains(/unknown config-key: (fastcgi|setenv)/), "\(server.output)")
    server.stop()
  }

  /// Neither a gate that asks nobody nor an open place where clients say who they are.
  @Test(arguments: ["pico-auth-gate.conf", "pico-auth-open.conf"])
  func lighttpdDoesNotStartWithoutTheTargets(_ file: String) throws {
    for targets in ["", #"include "pico-auth-targets.conf""#] {
      let config = try config(
        #"server.modules = ("mod_cgi")"#, "\(targets)\n$HTTP[\"url\"] =~ \"^/\" { include \"\(file)\" }",
        port: Socket.freePort())
      let tested = try Tool.run(["lighttpd", "-tt", "-f", config])
      #expect((tested.status == 0) == !targets.isEmpty, "\(tested)")
    }
  }
}
