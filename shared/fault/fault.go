// Package fault has the one type of error that clients see: a stable code, a reason for programs, a
// public sentence that says what to do, and a private cause for the log.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"fenzhang/shared/ident"
)

// Code is the stable number of a refusal in the HTTP contract. Codes are only ever added, never
// changed or reused.
type Code int

// The codes of the HTTP contract.
const (
	// TokenInvalid refuses a token that is malformed, expired, revoked, or of another issuer or
	// audience.
	TokenInvalid Code = 1001
	// SignatureInvalid refuses a token with a wrong signature or an algorithm that is not allowed.
	SignatureInvalid Code = 1002
	// Forbidden refuses a caller whose role does not have the right.
	Forbidden Code = 1003
	// InvalidInput refuses an input and lists all of its problems in Fields.
	InvalidInput Code = 2001
	// OtherContent refuses a request whose idempotency key or payable was used before with other
	// content.
	OtherContent Code = 2002
	// Duplicate refuses the same request when it is sent again too soon.
	Duplicate Code = 2003
	// IllegalMove refuses a transition that the status does not allow, or does not allow yet.
	IllegalMove Code = 3001
	// StaleVersion refuses a change that is based on an old version, because another change came
	// first.
	StaleVersion Code = 3002
	// NotFound refuses access to an object that does not exist or belongs to somebody else.
	NotFound Code = 3003
	// TooMany refuses a call over the rate limit.
	TooMany Code = 4001
	// System reports an error on our side, without details.
	System Code = 5001
	// RuleMissing reports that no rule or contract is in force; Missing names it.
	RuleMissing Code = 5002
	// Unavailable asks the caller to send the same request again later.
	Unavailable Code = 5003
)

// status returns the HTTP status of a code. Error.TooLarge replaces it by 413.
func (c Code) status() int {
	switch c {
	case TokenInvalid, SignatureInvalid:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case InvalidInput:
		return http.StatusBadRequest
	case OtherContent, RuleMissing:
		return http.StatusUnprocessableEntity
	case Duplicate, IllegalMove, StaleVersion:
		return http.StatusConflict
	case NotFound:
		return http.StatusNotFound
	case TooMany:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Field is a problem of one field of the input.
type Field struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Error is a refusal. Clients see all of it except Err, which is for the log.
type Error struct {
	Code Code
	// Reason is a stable text for programs, such as "contract_missing".
	Reason string
	// Public says what happened and what the caller can do.
	Public string
	Fields []Field
	// Missing names the missing rule or contract, with code 5002.
	Missing string
	// Settlement is the settlement that exists for a duplicate request, with code 2003.
	Settlement ident.Settlement
	// RetryAfter is how long the caller should wait, with codes 4001 and 5003.
	RetryAfter time.Duration
	// TooLarge turns code 2001 into status 413, for a body over the size limit.
	TooLarge bool
	Err      error
}

// New returns an error without a cause.
func New(code Code, reason, public string) *Error {
	return &Error{Code: code, Reason: reason, Public: public}
}

// Wrap returns a copy of the error with a cause for the log.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// Error returns the text for logs, with the private cause. Clients see Public instead.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%d %s: %v", e.Code, e.Reason, e.Err)
	}
	return fmt.Sprintf("%d %s: %s", e.Code, e.Reason, e.Public)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Status returns the HTTP status of the answer.
func (e *Error) Status() int {
	if e.TooLarge {
		return http.StatusRequestEntityTooLarge
	}
	return e.Code.status()
}

// Is lets errors.Is compare by code and, when the target has a reason, by reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Reason == "" || t.Reason == e.Reason)
}

// Invalid returns the refusal of an input with all of its problems.
func Invalid(fields ...Field) *Error {
	return &Error{Code: InvalidInput, Reason: "invalid_input",
		Public: "The input has problems; correct the listed fields and send it again.", Fields: fields}
}

// MissingRule reports that no rule or contract is in force; name identifies the missing one.
func MissingRule(reason, name, public string) *Error {
	return &Error{Code: RuleMissing, Reason: reason, Public: public, Missing: name}
}

// MissingObject returns the same refusal for an object that does not exist and for one that belongs
// to somebody else, so that the answer does not reveal its existence. what is the kind of object.
func MissingObject(what string) *Error {
	return &Error{Code: NotFound, Reason: "not_found", Public: "There is no such " + what + "."}
}

// Internal returns an error of our side; cause goes to the log and not to the caller.
func Internal(cause error) *Error {
	return &Error{Code: System, Reason: "system", Public: "Something failed on our side; nothing " +
		"was half done. Try again, and give us the request id if it stays.", Err: cause}
}

// Temporary asks the caller to send the same request again after RetryAfter. Whether the first
// request was carried out may be unknown; the repeated one finds what the first one wrote.
func Temporary(cause error) *Error {
	return &Error{Code: Unavailable, Reason: "unavailable",
		Public:     "We are busy or a part is away; send the same request again after the given seconds.",
		RetryAfter: time.Second, Err: cause}
}

// AsError returns the Error in the chain of err. When there is none, it returns Temporary for a call
// whose time was over, and Internal for anything else.
func AsError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	// our own time was over, which says nothing about the request
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Temporary(err)
	}
	return Internal(err)
}

// HasCode reports whether err is, or wraps, a refusal with this code.
func HasCode(err error, code Code) bool {
	if err == nil {
		return false
	}
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
