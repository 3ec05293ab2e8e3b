package awsfault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
)

// coded is an error that has nothing but a code, as a service answers it under HTTP status 400.
func coded(code string) error {
	return answered(http.StatusBadRequest, &smithy.GenericAPIError{Code: code, Message: "m"})
}

// answered is an error as the SDK returns it: the operation, the attempts, the answer and its status.
func answered(status int, cause error) error {
	res := &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: cause}}
	return &smithy.OperationError{ServiceID: "DynamoDB", OperationName: "PutItem", Err: &retry.MaxAttemptsError{Attempt: 3, Err: res}}
}

func cancelled(codes ...string) error {
	reasons := make([]types.CancellationReason, len(codes))
	for i, code := range codes {
		reasons[i] = types.CancellationReason{Code: aws.String(code)}
	}
	return answered(http.StatusBadRequest, &types.TransactionCanceledException{CancellationReasons: reasons})
}

func unsent(cause error) error {
	return &smithy.OperationError{ServiceID: "KMS", OperationName: "Decrypt", Err: &smithyhttp.RequestSendError{
		Err: &url.Error{Op: "Post", URL: "https://kms", Err: cause}}}
}

func TestEveryErrorHasOneOutcome(t *testing.T) {
	later, ours := fault.Unavailable, fault.System
	cases := map[string]struct {
		err  error
		want fault.Code
	}{
		"ThrottlingException":                    {coded("ThrottlingException"), later},
		"ThrottlingException, typed":             {&types.ThrottlingException{}, later},
		"Throttling":                             {coded("Throttling"), later},
		"ThrottledException":                     {coded("ThrottledException"), later},
		"RequestThrottled":                       {coded("RequestThrottled"), later},
		"RequestThrottledException":              {coded("RequestThrottledException"), later},
		"TooManyRequestsException":               {coded("TooManyRequestsException"), later},
		"ProvisionedThroughputExceededException": {coded("ProvisionedThroughputExceededException"), later},
		"the same, typed":                        {&types.ProvisionedThroughputExceededException{}, later},
		"RequestLimitExceeded":                   {coded("RequestLimitExceeded"), later},
		"RequestLimitExceeded, typed":            {&types.RequestLimitExceeded{}, later},
		"LimitExceededException":                 {coded("LimitExceededException"), later},
		"BandwidthLimitExceeded":                 {coded("BandwidthLimitExceeded"), later},
		"SlowDown":                               {coded("SlowDown"), later},
		"PriorRequestNotComplete":                {coded("PriorRequestNotComplete"), later},
		"TransactionInProgressException":         {coded("TransactionInProgressException"), later},
		"TransactionInProgress, typed":           {&types.TransactionInProgressException{}, later},
		"TransactionConflictException":           {coded("TransactionConflictException"), later},
		"TransactionConflict, typed":             {&types.TransactionConflictException{}, later},
		"RequestTimeout":                         {coded("RequestTimeout"), later},
		"RequestTimeoutException":                {coded("RequestTimeoutException"), later},
		"ConditionalRequestConflict":             {answered(http.StatusConflict, &smithy.GenericAPIError{Code: "ConditionalRequestConflict"}), later},
		"OperationAborted":                       {answered(http.StatusConflict, &smithy.GenericAPIError{Code: "OperationAborted"}), later},
		"KMS.ThrottlingException":                {coded("KMS.ThrottlingException"), later},
		"KmsThrottled, typed":                    {&sqstypes.KmsThrottled{}, later},

		"InternalServerError":               {answered(500, &smithy.GenericAPIError{Code: "InternalServerError"}), later},
		"InternalServerError, typed":        {&types.InternalServerError{}, later},
		"InternalServerError, no status":    {&smithy.GenericAPIError{Code: "InternalServerError"}, later},
		"InternalServerErrorException":      {answered(500, &smithy.GenericAPIError{Code: "InternalServerErrorException"}), later},
		"KMSInternalException, typed":       {&kmstypes.KMSInternalException{}, later},
		"DependencyTimeoutException, typed": {&kmstypes.DependencyTimeoutException{}, later},
		"InternalError":                     {answered(500, &smithy.GenericAPIError{Code: "InternalError"}), later},
		"ServiceUnavailable":                {answered(503, &smithy.GenericAPIError{Code: "ServiceUnavailable"}), later},
		"a code nobody knows, status 500":   {answered(500, &smithy.GenericAPIError{Code: "Oh"}), later},
		"no body, status 502":               {answered(502, errors.New("not JSON")), later},
		"no body, status 504":               {answered(504, errors.New("not JSON")), later},
		"no body, status 599":               {answered(599, errors.New("not JSON")), later},
		"no body, status 429":               {answered(429, errors.New("not JSON")), later},

		"a connection reset":             {unsent(&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}), later},
		"a connection refused":           {unsent(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), later},
		"a connection closed":            {unsent(io.EOF), later},
		"a broken pipe, bare":            {&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, later},
		"a name that is not found":       {unsent(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}), later},
		"an answer cut off":              {fmt.Errorf("read the object: %w", io.ErrUnexpectedEOF), later},
		"one attempt took too long":      {unsent(os.ErrDeadlineExceeded), later},
		"the caller's time is over":      {&aws.RequestCanceledError{Err: context.DeadlineExceeded}, later},
		"the caller has gone":            {&aws.RequestCanceledError{Err: context.Canceled}, later},
		"the time was over between":      {context.DeadlineExceeded, later},
		"the SDK's own quota of retries": {errors.Join(coded("ThrottlingException"), errors.New("retry quota exceeded")), later},

		"cancelled by a conflict":             {cancelled("None", "TransactionConflict"), later},
		"cancelled by a throttle":             {cancelled("ThrottlingError", "None"), later},
		"cancelled by throughput":             {cancelled("ProvisionedThroughputExceeded"), later},
		"cancelled without reasons":           {cancelled(), later},
		"cancelled by a condition":            {cancelled("None", "ConditionalCheckFailed"), ours},
		"cancelled by condition and conflict": {cancelled("ConditionalCheckFailed", "TransactionConflict"), ours},
		"cancelled by a validation":           {cancelled("ValidationError", "TransactionConflict"), ours},
		"cancelled by a size":                 {cancelled("ItemCollectionSizeLimitExceeded"), ours},

		"ValidationException":                 {coded("ValidationException"), ours},
		"AccessDeniedException":               {coded("AccessDeniedException"), ours},
		"ResourceNotFoundException":           {coded("ResourceNotFoundException"), ours},
		"IdempotentParameterMismatch, typed":  {&types.IdempotentParameterMismatchException{}, ours},
		"ExpiredTokenException":               {coded("ExpiredTokenException"), ours},
		"ConditionalCheckFailed, unread":      {&types.ConditionalCheckFailedException{}, ours},
		"DuplicateItemException":              {coded("DuplicateItemException"), ours},
		"PreconditionFailed":                  {answered(http.StatusPreconditionFailed, &smithy.GenericAPIError{Code: "PreconditionFailed"}), ours},
		"NoSuchKey":                           {answered(http.StatusNotFound, &smithy.GenericAPIError{Code: "NoSuchKey"}), ours},
		"DisabledException of KMS, typed":     {&kmstypes.DisabledException{}, ours},
		"IncorrectKeyException of KMS, typed": {&kmstypes.IncorrectKeyException{}, ours},
		"an item that cannot be read":         {errors.New("item without key"), ours},
	}
	for name, c := range cases {
		for wrapping, err := range map[string]error{"bare": c.err, "with context": fmt.Errorf("adapter: %w", c.err)} {
			got := awsfault.Classify(err)
			if !fault.HasCode(got, c.want) || !errors.Is(got, err) {
				t.Errorf("%s, %s: %v, want %d with its cause", name, wrapping, got, c.want)
			}
			if awsfault.IsPassing(err) != (c.want == later) {
				t.Errorf("%s, %s: passing is %v", name, wrapping, c.want != later)
			}
			if e := fault.AsError(got); (c.want == later) != (e.RetryAfter >= time.Second) || strings.Contains(e.Public, err.Error()) {
				t.Errorf("%s, %s: Retry-After %v, public %q", name, wrapping, e.RetryAfter, e.Public)
			}
		}
	}
}

// Every code that the SDK itself retries passes, also alone as in the answer of a batch.
func TestTheListsOfTheSDKPass(t *testing.T) {
	for _, list := range []map[string]struct{}{retry.DefaultThrottleErrorCodes, retry.DefaultRetryableErrorCodes} {
		for code := range list {
			if !awsfault.IsPassingCode(code) || !fault.HasCode(awsfault.Classify(coded(code)), fault.Unavailable) {
				t.Errorf("%s does not pass", code)
			}
		}
	}
	for status := range retry.DefaultRetryableHTTPStatusCodes {
		if !awsfault.IsPassing(answered(status, errors.New("no body"))) {
			t.Errorf("status %d does not pass", status)
		}
	}
}

// The codes that DynamoDB puts inside the answer of a batch of statements.
func TestEveryCodeOfAStatementHasOneOutcome(t *testing.T) {
	passing := map[types.BatchStatementErrorCodeEnum]bool{
		types.BatchStatementErrorCodeEnumRequestLimitExceeded: true, types.BatchStatementErrorCodeEnumProvisionedThroughputExceeded: true,
		types.BatchStatementErrorCodeEnumTransactionConflict: true, types.BatchStatementErrorCodeEnumThrottlingError: true,
		types.BatchStatementErrorCodeEnumInternalServerError: true,
	}
	for _, code := range types.BatchStatementErrorCodeEnum("").Values() {
		want := fault.System
		if passing[code] {
			want = fault.Unavailable
		}
		if err := awsfault.ClassifyCode(string(code), "m"); !fault.HasCode(err, want) || awsfault.IsPassingCode(string(code)) != passing[code] {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestAFaultStaysWhatItIs(t *testing.T) {
	absent := fmt.Errorf("read: %w", fault.MissingObject("settlement").Wrap(coded("ThrottlingException")))
	if got := awsfault.Classify(absent); !errors.Is(got, absent) || got.Error() != absent.Error() {
		t.Errorf("became %v", got)
	}
	if awsfault.Classify(nil) != nil || awsfault.IsPassing(nil) {
		t.Error("no error became one")
	}
}
