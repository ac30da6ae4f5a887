import CGI
import HTTPTypes
import Wire

/// Reads the JSON object in the body of a POST request.
struct JSONBody: Sendable {
  /// The longest body. Bytes.
  let limit: Int

  /// Reads the body of a request.
  /// - Throws: ``Problem`` 415 if the media type isn't `application/json`, 413 if the body is too long, 400 if it
  ///   isn't a JSON object or its length differs from Content-Length.
  func read(_ request: Request) throws -> JSONObject {
    guard request.hasJSONMediaType else {
      throw Problem(
        .unsupportedMediaType, "Content-Type must be application/json",
        fields: [.accept: "application/json"])
    }
    let bytes: [UInt8]
    do throws(BodyError) {
      bytes = try request.body(limit: limit)
    } catch {
      throw error.problem(limit: limit)
    }
    do throws(JSONError) {
      return try JSONObject(parsing: bytes)
    } catch {
      throw Problem(.badRequest, "body must be a JSON object: \(error)")
    }
  }
}

extension JSONObject {
  /// The text of a member; empty if the member is missing.
  /// - Throws: ``Problem`` 400 that names the member if its value isn't a string.
  func text(_ name: String) throws(Problem) -> String {
    guard let value = self[name] else { return "" }
    guard let text = value.string else {
      throw Problem(.badRequest, "\(name) must be a string")
    }
    return text
  }

  /// The text of a member that goes into tokens and records; empty if the member is missing. An ML-DSA-65 address has
  /// 3904 bytes.
  /// - Throws: ``Problem`` 400 that names the member if its value isn't a string or is longer than 4096 bytes.
  func shortText(_ name: String) throws(Problem) -> String {
    let text = try text(name)
    guard text.utf8.count <= 4096 else { throw Problem(.badRequest, "\(name) is too long") }
    return text
  }

  /// The text of a member; nil if it is missing or null.
  /// - Throws: ``Problem`` 400 that names the member if its value isn't a string or is longer than 4096 bytes.
  func optionalText(_ name: String) throws(Problem) -> String? {
    guard let value = self[name], !value.isNull else { return nil }
    return try shortText(name)
  }
}
