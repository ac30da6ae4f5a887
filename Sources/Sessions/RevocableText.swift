import Tokens

/// Checks what people send to revoke a token.
public enum RevocableText {
  /// What is wrong with a text in the place of a `jti`, as a phrase with the remedy; nil if it may be one.
  public static func fault(inTokenID text: String) -> String? {
    if text.unicodeScalars.contains(where: {
      $0.properties.isWhitespace || $0.value < 0x20 || $0.value == 0x7f
    }) {
      return
        "contains white space or a control character; send the claim jti of the token, or the whole token as token"
    }
    return TokenVerifier.isToken(text)
      ? "is a whole token; send it as token, or send its claim jti" : nil
  }
}
