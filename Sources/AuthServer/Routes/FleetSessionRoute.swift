import CGI
import Gate
import Wire

/// `POST /fleet/sessions`: issues a token for an agent. The client must know the fleet secret.
struct FleetSessionRoute: Sendable {
  /// The shortest lifetime of a session. Seconds.
  private static let minimumLifetime = 60

  private let body: JSONBody
  private let secret: String
  private let defaultLifetime: Int
  private let maximumLifetime: Int
  private let settings: Settings
  private let grants: FleetGrants
  private let throttle: GuessThrottle

  init(_ context: RouteContext) {
    settings = context.settings
    body = context.body
    grants = context.fleetGrants
    throttle = GuessThrottle(context)
    secret = settings.fleetSecret
    defaultLifetime = settings.fleetSessionSeconds
    maximumLifetime = settings.fleetMaximumSeconds
  }

  @Sendable func respond(to request: Request) throws -> Response {
    guard !secret.isEmpty else {
      throw Problem(
        .notFound, "fleet mint endpoint disabled (server_auth.fleet_mint_secret unset)")
    }
    guard let given = request.variables[.fleetSecret], try !throttle.isFleetSlowed(request) else {
      throw Refusal.wrongFleetSecret
    }
    guard isSameSecret(given, secret) else {
      try throttle.failFleet(request)
      throw Refusal.wrongFleetSecret
    }
    let fields = try body.read(request)
    let session = try fields.shortText("session_id")
    let agent = try fields.shortText("agent_id")
    guard !session.isEmpty, !agent.isEmpty else {
      throw Problem(.badRequest, "session_id and agent_id required")
    }
    // `session_id` becomes `sub`. With the operator's email as `sub`, an application would take the agent for the
    // operator.
    guard !settings.isLoginName(session) else {
      throw Problem(.badRequest, "session_id is the email of somebody who may log in")
    }
    let role = try fields.optionalText("role") ?? "agent"
    guard !role.isEmpty else { throw Problem(.badRequest, "role must not be empty") }
    guard settings.allowsFleetRole(role) else {
      throw Refusal.roleNotAllowed(role)
    }
    let (token, expiry) = try grants.token(
      session, agent: agent, role: role, scope: try fields.optionalText("scope") ?? "",
      lifetime: try lifetime(fields))
    var answer = JSONObjectWriter()
    answer.add("session_token", token)
    answer.add("exp", expiry)
    return .json(answer.finish())
  }

  private func lifetime(_ fields: JSONObject) throws(Problem) -> Int {
    guard let value = fields["ttl"], !value.isNull else { return defaultLifetime }
    guard let seconds = value.integer else {
      throw Problem(.badRequest, "ttl must be a whole number")
    }
    // pico-server-auth takes 0 as if `ttl` were absent.
    return seconds == 0 ? defaultLifetime : min(max(seconds, Self.minimumLifetime), maximumLifetime)
  }
}
