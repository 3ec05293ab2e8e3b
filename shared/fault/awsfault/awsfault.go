// Package awsfault decides in one place what an error of AWS or of the network means: whether the
// same call may succeed a moment later, and which fault the caller receives. Package awsfault uses
// the SDK's own lists of codes and adds what they lack: codes that the SDK leaves to its callers,
// codes inside the answers of batches and transactions, and errors whose HTTP status was lost.
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

// Classify returns the fault for an error of an AWS call. nil and errors that are already a fault
// stay as they are.
//
// Errors: fault.Unavailable, with Retry-After, for an error that may pass; fault.System for every
// other one.
func Classify(err error) error {
	var known *fault.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case IsPassing(err):
		return fault.Temporary(err)
	}
	return fault.Internal(err)
}

// ClassifyCode returns the fault for an error code inside an answer with status 200: the code of
// one statement, message or event of a batch. message is for the log.
func ClassifyCode(code, message string) error {
	return Classify(&smithy.GenericAPIError{Code: code, Message: message})
}

// IsPassing reports whether the same call may succeed a moment later, as after throttling, a
// conflict, an error on the side of AWS, or a broken or slow connection. Whether the failed call
// was carried out is unknown.
func IsPassing(err error) bool {
	if err == nil {
		return false
	}
	return isContextOver(err) || isRetriedBySDK(err) || isBrokenConnection(err) ||
		isServerError(err) || hasPassingCode(err) ||
		isPassingConflict(err)
}

// isContextOver reports that the deadline of our own call was over or that it was cancelled. The
// SDK does not retry then, but the caller may send the request again.
func isContextOver(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// isRetriedBySDK reports that the SDK counts the error among those that it retries.
func isRetriedBySDK(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// isBrokenConnection reports that a connection failed or that an answer ended too early.
func isBrokenConnection(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isServerError reports an error that AWS marks as its own, by HTTP status or by the type of the
// error.
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

// hasPassingCode reports that the error carries a code after which the call may succeed later.
func hasPassingCode(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && IsPassingCode(api.ErrorCode())
}

// isPassingConflict reports that a transaction was cancelled for passing reasons only. A
// transaction of which a condition failed is refused for good, whatever happened to its other
// parts.
func isPassingConflict(err error) bool {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return false
	}
	for _, reason := range cancelled.CancellationReasons {
		code := aws.ToString(reason.Code)
		// the code None marks the parts of a transaction that are not a reason for its cancellation
		if code != "" && code != "None" && !IsPassingCode(code) {
			return false
		}
	}
	return true
}

// IsPassingCode is IsPassing for a code alone: of an error, of one part of a batch, or of one
// reason why a transaction was cancelled.
func IsPassingCode(code string) bool {
	_, throttle := retry.DefaultThrottleErrorCodes[code]
	_, again := retry.DefaultRetryableErrorCodes[code]
	return throttle || again || isFurtherPassingCode(code)
}

// isFurtherPassingCode reports whether a code is a passing one that the SDK's lists lack.
func isFurtherPassingCode(code string) bool {
	switch code {
	case "TransactionConflictException", "TransactionConflict", "ReplicatedWriteConflictException",
		// DynamoDB reports these while another write changes the item
		"ThrottlingError", "ProvisionedThroughputExceeded",
		"ConditionalRequestConflict", "OperationAborted", // S3, while another put writes the same object
		"KmsThrottled", "KMS.ThrottlingException": // SQS, when the KMS key of the queue is throttled
		return true
	case "InternalServerError", "InternalError", "InternalFailure", "InternalServiceError",
		"InternalException",
		// AWS sends these with status 500 or 503, and inside the answers of batches
		"ServiceUnavailable", "ServiceUnavailableException":
		return true
	}
	return false
}

// UnprocessedParts returns the fault for a batch of which AWS left some parts unprocessed without
// an error code.
func UnprocessedParts(what string, parts int) error {
	return fault.Temporary(fmt.Errorf("%s: %d parts were left unprocessed", what, parts))
}
