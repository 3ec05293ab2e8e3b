package identity

import "fenzhang/shared/fault"

// TokenMalformed returns the refusal of a token that cannot be read, or that names another issuer
// or audience; cause is for the log.
func TokenMalformed(cause error) error {
	return fault.New(fault.TokenInvalid, "token_invalid",
		"The token cannot be accepted; get a new one and send it as "+
			"`Authorization: Bearer <token>`.").Wrap(cause)
}

// TokenExpired returns the refusal of a token that has expired.
func TokenExpired() error {
	return fault.New(fault.TokenInvalid, "token_expired", "The token has expired; get a new one.")
}

// TokenRevoked returns the refusal of a token that was revoked before it expired.
func TokenRevoked() error {
	return fault.New(fault.TokenInvalid, "token_revoked", "The token was revoked; sign in again.")
}

// SignatureWrong returns the refusal of a token whose signature is wrong or whose algorithm is not
// that of its key.
func SignatureWrong(cause error) error {
	return fault.New(fault.SignatureInvalid, "signature_invalid",
		"The token's signature is wrong; get a new one from your issuer.").Wrap(cause)
}

// RoleForbidden returns the refusal of a caller whose roles do not include the right to do this.
func RoleForbidden() error {
	return fault.New(fault.Forbidden, "forbidden",
		"Your role may not do this; ask somebody whose role may.")
}
