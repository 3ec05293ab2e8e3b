// Package auditlog keeps evidence in a bucket with Object Lock, its index in the control table, and
// takes records from the audit queue.
package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
)

// S3 is the part of the S3 client that evidence needs.
type S3 interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	GetObjectLockConfiguration(context.Context, *s3.GetObjectLockConfigurationInput,
		...func(*s3.Options)) (*s3.GetObjectLockConfigurationOutput, error)
}

// Lock is the Object Lock under which evidence is stored: its mode, and the time until which a
// batch of entries is locked.
type Lock struct {
	Mode  types.ObjectLockMode
	Until func([]audit.Entry) time.Time
}

// testKeeping is how long objects are locked in stacks that must be removable.
const testKeeping = 24 * time.Hour

// LockFor returns the lock of a stage. In prod and cn the lock is in compliance mode, which nobody
// can shorten, for the legal term; elsewhere it is in governance mode for one day.
func LockFor(stage string, now func() time.Time) Lock {
	if stage == "prod" || stage == "cn" {
		return Lock{Mode: types.ObjectLockModeCompliance, Until: audit.RetainUntil}
	}
	return Lock{Mode: types.ObjectLockModeGovernance, Until: func([]audit.Entry) time.Time {
		return now().Add(testKeeping)
	}}
}

// Bucket stores evidence in an S3 bucket; it implements audit.Objects.
type Bucket struct {
	client S3
	name   string
	mode   types.ObjectLockMode
	locked atomic.Bool // Object Lock of the bucket was confirmed
}

// NewBucket makes the store; it calls nothing yet.
func NewBucket(client S3, name string, mode types.ObjectLockMode) *Bucket {
	return &Bucket{client: client, name: name, mode: mode}
}

var errUnlocked = errors.New(
	"auditlog: the bucket has no Object Lock; evidence is not written where it could be removed")

// ensureLocked returns an error when the bucket has no Object Lock. The answer is remembered,
// because Object Lock cannot be switched off.
func (b *Bucket) ensureLocked(ctx context.Context) error {
	if b.locked.Load() {
		return nil
	}
	out, err := b.client.GetObjectLockConfiguration(ctx,
		&s3.GetObjectLockConfigurationInput{Bucket: &b.name})
	switch {
	case err != nil && httpStatus(err) == http.StatusNotFound:
		return fmt.Errorf("%w: %s", errUnlocked, b.name)
	case err != nil:
		return awsfault.Classify(fmt.Errorf("auditlog: read the bucket's lock: %w", err))
	case out.ObjectLockConfiguration == nil ||
		out.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled:
		return fmt.Errorf("%w: %s", errUnlocked, b.name)
	}
	b.locked.Store(true)
	return nil
}

// maxPuts is the greatest number of tries of a put that meets another put of the same name in
// progress (409).
const maxPuts = 5

// Put writes an object that is locked until the given time. taken reports that the name existed;
// then nothing was written.
func (b *Bucket) Put(ctx context.Context, name string, body []byte,
	until time.Time) (taken bool, err error) {
	if err := b.ensureLocked(ctx); err != nil {
		return false, err
	}
	again := func(tries int, err error) bool {
		return httpStatus(err) == http.StatusConflict && tries < maxPuts
	}
	err = pace.Retry(ctx, again, func() (err error) {
		taken, err = b.putOnce(ctx, name, body, until)
		return err
	})
	return taken, err
}

// putOnce makes one try of Put.
func (b *Bucket) putOnce(ctx context.Context, name string, body []byte,
	until time.Time) (taken bool, err error) {
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &name, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"),
		ContentType: aws.String(contentType(name)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ObjectLockMode: b.mode, ObjectLockRetainUntilDate: aws.Time(until.UTC()),
	})
	if httpStatus(err) == http.StatusPreconditionFailed {
		return true, nil
	}
	if err != nil {
		return false, awsfault.Classify(fmt.Errorf("auditlog: put %s: %w", name, err))
	}
	return false, nil
}

// contentType returns the media type of a head (.json) or of a batch.
func contentType(name string) string {
	if strings.HasSuffix(name, ".json") {
		return "application/json"
	}
	return "application/x-ndjson"
}

// Get reads an object. Errors: 3003 when there is no object of this name.
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &name})
	if httpStatus(err) == http.StatusNotFound {
		return nil, fault.MissingObject("object").Wrap(err)
	}
	if err != nil {
		return nil, awsfault.Classify(fmt.Errorf("auditlog: get %s: %w", name, err))
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, awsfault.Classify(fmt.Errorf("auditlog: get %s: %w", name, err))
	}
	return body, nil
}

// httpStatus returns the HTTP status of a failed call; 0 when there was no answer.
func httpStatus(err error) int {
	var res *awshttp.ResponseError
	if errors.As(err, &res) {
		return res.HTTPStatusCode()
	}
	return 0
}

// UsePathStyleLocally returns an option that puts the bucket's name into the path when a local
// endpoint is set, because a host name for each bucket does not resolve there.
func UsePathStyleLocally(cfg aws.Config) func(*s3.Options) {
	return func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil }
}
