// Package awsfault decides, in one place, what an error of AWS or of the network means: whether the
// same call may succeed a moment later, and as which fault the caller hears of it. It rests on the
// SDK's own lists of codes and adds what they lack: codes that the SDK leaves to its callers, the
// codes inside the answers of batches and transactions, and errors whose HTTP status was lost on
// the way.
package awsfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"fenzhang/shared/fault"
)

// Of makes a fault of an error that a call of AWS returned; nil stays nil. An error that is a fault
// already stays as it is.
//
// Errors: fault.Unavailable with Retry-After when the error is passing; fault.System for every
// other one.
func Of(err error) error {
	var known *fault.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case IsPassing(err):
		return fault.Later(err)
	}
	return fault.Internal(err)
}

// OfCode is Of for an error that stands inside an answer with status 200: of one statement, message
// or event of a batch. message is for the log.
func OfCode(code, message string) error {
	return Of(&smithy.GenericAPIError{Code: code, Message: message})
}

// IsPassing reports whether the same call may succeed a moment later: a throttle, a conflict, an
// error on the side of AWS, a broken or slow connection. Whether such a call was carried out is not
// known.
func IsPassing(err error) bool {
	if err == nil {
		return false
	}
	return isContextOver(err) || isRetriedBySDK(err) || isBrokenConnection(err) ||
		isServerError(err) || hasPassingCode(err) ||
		isPassingConflict(err)
}

// isContextOver reports that the caller's own time ended. The SDK does not retry then; whoever asks
// again may.
func isContextOver(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// isRetriedBySDK reports that the SDK itself counts the error among those worth another attempt.
func isRetriedBySDK(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// isBrokenConnection reports a connection that failed, or an answer that ended too early.
func isBrokenConnection(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isServerError reports an error that AWS counts as its own, by status or by the type of the error.
func isServerError(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		status := answer.HTTPStatusCode()
		if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
			return true
		}
	}
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorFault() == smithy.FaultServer
}

// hasPassingCode reports an error with a passing code.
func hasPassingCode(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && IsPassingCode(api.ErrorCode())
}

// isPassingConflict reports a transaction that was cancelled for passing reasons only. One for
// which a condition failed is decided; the conflict of another part changes nothing about that.
func isPassingConflict(err error) bool {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return false
	}
	for _, reason := range cancelled.CancellationReasons {
		code := aws.ToString(reason.Code)
		if code != "" && code != "None" && !IsPassingCode(code) {
			return false
		}
	}
	return true
}

// IsPassingCode is Passing for a code alone: of an error, of one part of a batch, or of one reason
// why a transaction was cancelled.
func IsPassingCode(code string) bool {
	_, throttle := retry.DefaultThrottleErrorCodes[code]
	_, again := retry.DefaultRetryableErrorCodes[code]
	return throttle || again || isFurtherPassingCode(code)
}

// isFurtherPassingCode are passing codes that the SDK's lists lack.
func isFurtherPassingCode(code string) bool {
	switch code {
	case "TransactionConflictException", "TransactionConflict", "ReplicatedWriteConflictException",
		// DynamoDB: another write is at work
		"ThrottlingError", "ProvisionedThroughputExceeded", // DynamoDB: inside batches and transactions
		"ConditionalRequestConflict", "OperationAborted", // S3: another put of the name is under way
		"KmsThrottled", "KMS.ThrottlingException": // SQS: the key of the queue is throttled
		return true
	case "InternalServerError", "InternalError", "InternalFailure", "InternalServiceError",
		"InternalException",
		// answers with status 500 or 503, and codes inside batches
		"ServiceUnavailable", "ServiceUnavailableException":
		return true
	}
	return false
}

// UnprocessedParts is the fault of a batch of which AWS left some parts undone and named no error.
func UnprocessedParts(what string, parts int) error {
	return fault.Later(fmt.Errorf("%s: %d parts were left unprocessed", what, parts))
}
