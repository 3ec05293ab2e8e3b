// Package fault is the one error type that leaves the house: a stable code, a word for machines, a
// sentence that a person can act on, and a private cause for the log.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"fenzhang/shared/ident"
)

// Code is the stable number of a refusal. The list is append-only: never renamed, never reused.
type Code int

// The codes of the HTTP contract.
const (
	TokenInvalid     Code = 1001 // malformed, expired, revoked, wrong issuer or audience
	SignatureInvalid Code = 1002 // signature wrong, algorithm not allowed
	Forbidden        Code = 1003 // the role has no right to this
	InvalidInput     Code = 2001 // all problems at once, in Fields
	OtherContent     Code = 2002 // same key or payable, other content
	Duplicate        Code = 2003 // the same request again, too soon
	IllegalMove      Code = 3001 // illegal transition, or not now
	StaleVersion     Code = 3002 // somebody was faster
	NotFound         Code = 3003 // not there, or not yours
	TooMany          Code = 4001 // over the limit
	System           Code = 5001 // ours; no inner text
	RuleMissing      Code = 5002 // no rule or contract in force; Missing names it
	Unavailable      Code = 5003 // try again later
)

// status is the HTTP status of each code; a body over the size overrides it with 413.
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

// Field is one problem of one field of the input.
type Field struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Error is a refusal. Public and Reason may be shown to a tenant; Err is for the log only.
type Error struct {
	Code       Code
	Reason     string // stable word, "contract_missing"
	Public     string // what happened and what to do
	Fields     []Field
	Missing    string           // the rule or contract that is missing, with 5002
	Settlement ident.Settlement // the settlement a duplicate request stands for, with 2003
	RetryAfter time.Duration    // with 4001 and 5003
	TooLarge   bool             // 2001 as 413
	Err        error
}

// New makes an error without a cause.
func New(code Code, reason, public string) *Error {
	return &Error{Code: code, Reason: reason, Public: public}
}

// Wrap gives a copy that keeps cause for the log.
func (e *Error) Wrap(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// Error gives the text for logs; the public sentence without the cause is e.Public.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%d %s: %v", e.Code, e.Reason, e.Err)
	}
	return fmt.Sprintf("%d %s: %s", e.Code, e.Reason, e.Public)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Status is the HTTP status of the answer.
func (e *Error) Status() int {
	if e.TooLarge {
		return http.StatusRequestEntityTooLarge
	}
	return e.Code.status()
}

// Is lets errors.Is match on code and, where the target names one, on the reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Reason == "" || t.Reason == e.Reason)
}

// Invalid tells all problems of an input at once.
func Invalid(fields ...Field) *Error {
	return &Error{Code: InvalidInput, Reason: "invalid_input",
		Public: "The input has problems; correct the listed fields and send it again.", Fields: fields}
}

// MissingRule tells that no rule or contract is in force; name says which.
func MissingRule(reason, name, public string) *Error {
	return &Error{Code: RuleMissing, Reason: reason, Public: public, Missing: name}
}

// Absent is the answer for what does not exist and for what belongs to somebody else alike.
func Absent(what string) *Error {
	return &Error{Code: NotFound, Reason: "not_found", Public: "There is no such " + what + "."}
}

// Internal hides cause behind a sentence without inner text.
func Internal(cause error) *Error {
	return &Error{Code: System, Reason: "system", Public: "Something failed on our side; nothing " +
		"was half done. Try again, and give us the request id if it stays.", Err: cause}
}

// Later asks the caller to send the same request again, after RetryAfter. Whether the call was
// carried out may be unknown; the same request finds what it wrote.
func Later(cause error) *Error {
	return &Error{Code: Unavailable, Reason: "unavailable",
		Public:     "We are busy or a part is away; send the same request again after the given seconds.",
		RetryAfter: time.Second, Err: cause}
}

// Of finds the Error in err. A call whose time is over can be sent again; anything else is an
// internal error.
func Of(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Later(err)
	}
	return Internal(err)
}

// HasCode tells whether err is a refusal with this code.
func HasCode(err error, code Code) bool {
	if err == nil {
		return false
	}
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
