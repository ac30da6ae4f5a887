import CGI
import TestSupport
import Testing
import Wallets
import Wire

@testable import AuthServer

/// Signing in by a scheme that the route has never heard of.
@Suite struct SchemeRouteTests {
  private let backend: InProcess

  init() throws { backend = try InProcess() }

  private func scheme(_ domain: String = "a.example") -> MessageScheme {
    MessageScheme(domain: domain, clock: backend.clock.clock)
  }

  /// The sign-in route beside those of the backend, on the same files.
  private func route(algorithms: [String] = ["Message"], cookie: String = "") throws -> SignInRoute {
    var settings = Settings()
    settings.stateFolder = backend.folder.path
    let (clock, logger) = (backend.clock.clock, backend.log.logger)
    settings.walletAlgorithms = algorithms
    settings.cookieName = cookie
    let context = RouteContext(
      settings: settings, keys: try .init(keys: [InProcess.key]),
      stores: StoreBackend.open(settings, clock: clock, logger: logger), clock: clock, logger: logger)
    return SignInRoute(context, schemes: WalletSchemes.all + [scheme()])
  }

  private func send(_ body: String, to route: SignInRoute, query: String = "") throws -> HTTPAnswer {
    let request = Request(method: .post, target: "/sign-in\(query)", body: Array(body.utf8))
    let response: Response
    do {
      response = try route.respond(to: request)
    } catch let failure as any ProblemConvertible {
      response = failure.problem.response
    }
    return HTTPAnswer(status: response.status.code, fields: [], body: try response.collectBody())
  }

  @Test func itsKeySignsInWithMembersAndClaimsOfItsOwn() throws {
    let key = try WalletKey(scheme())
    let body = try key.signIn(backend.challenge(key.address))
    #expect(!body.contains("\"challenge\"") && !body.contains("public_key"))
    let answer = try send(body, to: route())
    #expect(answer.status == 200, "\(answer.text)")
    #expect(answer.string("address") == key.address)
    #expect(answer.string("algorithm") == "Message")
    let claims = try backend.claims(answer.string("access_token"))
    #expect(claims["sub"] as? String == key.address)
    #expect(claims["wallet_address"] as? String == key.address)
    #expect(claims["algorithm"] as? String == "Message")
    #expect(claims["chain"] as? String == "test:1")
    #expect(try send(body, to: route()).detail == "invalid or expired challenge")
  }

  @Test func itsRefusalsAreTheAnswerAndUseUpTheChallenge() throws {
    let key = try WalletKey(scheme())
    let elsewhere = try WalletKey(scheme("b.example"), seed: key.seed)
    let challenge = try backend.challenge(key.address)
    let refused = try send(elsewhere.signIn(challenge), to: route())
    #expect(refused.status == 401)
    #expect(refused.detail == "message of another site")
    #expect(try send(key.signIn(challenge), to: route()).detail == "invalid or expired challenge")
  }

  @Test func whatItCannotReadUsesUpNothing() throws {
    let key = try WalletKey(scheme())
    let challenge = try backend.challenge(key.address)
    let unread = try send(key.signIn(challenge, changing: ["message": "x"]), to: route())
    #expect(unread.status == 400)
    #expect(unread.detail == "message is malformed")
    let off = try send(key.signIn(challenge), to: route(algorithms: WalletSchemes.onByDefault))
    #expect(off.status == 400)
    #expect(off.detail == "unsupported wallet algorithm: Message")
    let unknown = try backend.postJSON("/sign-in", key.signIn(challenge))
    #expect(unknown.detail == "address, public_key, signature, and challenge required")
    #expect(try send(key.signIn(challenge), to: route()).status == 200)
  }

  @Test func everyRegisteredSchemeMayBeConfigured() {
    #expect(Settings().walletAlgorithms == WalletSchemes.onByDefault)
    for scheme in WalletSchemes.all {
      var settings = Settings()
      settings.walletAlgorithms = [scheme.name]
      #expect(SettingsReview(settings).mistakes.isEmpty)
    }
  }
}
