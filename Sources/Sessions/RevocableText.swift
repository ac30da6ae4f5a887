import Tokens
import Wire

/// Checks what people send to revoke a token.
public enum RevocableText {
  /// What is wrong with a text in the place of a `jti`, as a phrase with the remedy; nil if it may be one.
  public static func fault(inTokenID text: String) -> String? {
    let remedy = "send the claim jti of the token, or the whole token as token"
    if text.isEmpty { return "is empty; \(remedy)" }
    if text.unicodeScalars.contains(where: { $0.properties.isWhitespace || !VisibleText.isVisible($0) }) {
      return "contains white space or an invisible character; \(remedy)"
    }
    return TokenVerifier.isToken(text)
      ? "is a whole token; send it as token, or send its claim jti" : nil
  }
}
