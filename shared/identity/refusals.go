package identity

import "fenzhang/shared/fault"

// Malformed refuses a token that cannot be read or names another issuer or audience.
func Malformed(cause error) error {
	return fault.New(fault.TokenInvalid, "token_invalid",
		"The token cannot be accepted; get a new one and send it as `Authorization: Bearer <token>`.").Wrap(cause)
}

// Expired refuses a token whose time is over.
func Expired() error {
	return fault.New(fault.TokenInvalid, "token_expired", "The token has expired; get a new one.")
}

// WasRevoked refuses a token that was taken back.
func WasRevoked() error {
	return fault.New(fault.TokenInvalid, "token_revoked", "The token was revoked; sign in again.")
}

// BadSignature refuses a token whose signature is wrong or whose algorithm is not that of its key.
func BadSignature(cause error) error {
	return fault.New(fault.SignatureInvalid, "signature_invalid",
		"The token's signature is wrong; get a new one from your issuer.").Wrap(cause)
}

// Denied refuses a role without the right.
func Denied() error {
	return fault.New(fault.Forbidden, "forbidden",
		"Your role may not do this; ask somebody whose role may.")
}
