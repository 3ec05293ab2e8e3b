package identity

import "fenzhang/shared/fault"

// TokenMalformed refuses a token that cannot be read or names another issuer or audience.
func TokenMalformed(cause error) error {
	return fault.New(fault.TokenInvalid, "token_invalid",
		"The token cannot be accepted; get a new one and send it as `Authorization: Bearer <token>`.").Wrap(cause)
}

// TokenExpired refuses a token whose time is over.
func TokenExpired() error {
	return fault.New(fault.TokenInvalid, "token_expired", "The token has expired; get a new one.")
}

// TokenRevoked refuses a token that was taken back.
func TokenRevoked() error {
	return fault.New(fault.TokenInvalid, "token_revoked", "The token was revoked; sign in again.")
}

// SignatureWrong refuses a token whose signature is wrong or whose algorithm is not that of its
// key.
func SignatureWrong(cause error) error {
	return fault.New(fault.SignatureInvalid, "signature_invalid",
		"The token's signature is wrong; get a new one from your issuer.").Wrap(cause)
}

// RoleForbidden refuses a role without the right.
func RoleForbidden() error {
	return fault.New(fault.Forbidden, "forbidden",
		"Your role may not do this; ask somebody whose role may.")
}
