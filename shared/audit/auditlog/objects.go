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

// Lock is how objects are kept.
type Lock struct {
	Mode  types.ObjectLockMode
	Until func([]audit.Entry) time.Time
}

// testKeeping is the lock of stacks that must be removable: one day, in governance mode.
const testKeeping = 24 * time.Hour

// LockFor gives the lock of a stage. In prod and cn nobody can shorten it; elsewhere it holds a
// day.
func LockFor(stage string, now func() time.Time) Lock {
	if stage == "prod" || stage == "cn" {
		return Lock{Mode: types.ObjectLockModeCompliance, Until: audit.RetainUntil}
	}
	return Lock{Mode: types.ObjectLockModeGovernance, Until: func([]audit.Entry) time.Time {
		return now().Add(testKeeping)
	}}
}

// Bucket is a bucket of evidence; it implements audit.Objects.
type Bucket struct {
	client S3
	name   string
	mode   types.ObjectLockMode
	locked atomic.Bool // the bucket's lock was seen
}

// NewBucket makes the store. Nothing is called yet.
func NewBucket(client S3, name string, mode types.ObjectLockMode) *Bucket {
	return &Bucket{client: client, name: name, mode: mode}
}

var errUnlocked = errors.New(
	"auditlog: the bucket has no Object Lock; evidence is not written where it could be removed")

// ensureLocked refuses a bucket without Object Lock. A lock that was seen stays: it cannot be
// switched off.
func (b *Bucket) ensureLocked(ctx context.Context) error {
	if b.locked.Load() {
		return nil
	}
	out, err := b.client.GetObjectLockConfiguration(ctx,
		&s3.GetObjectLockConfigurationInput{Bucket: &b.name})
	switch {
	case err != nil && status(err) == http.StatusNotFound:
		return fmt.Errorf("%w: %s", errUnlocked, b.name)
	case err != nil:
		return awsfault.Of(fmt.Errorf("auditlog: read the bucket's lock: %w", err))
	case out.ObjectLockConfiguration == nil ||
		out.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled:
		return fmt.Errorf("%w: %s", errUnlocked, b.name)
	}
	b.locked.Store(true)
	return nil
}

// maxPuts bounds the tries of a put that meets another one of the same name still under way (409).
const maxPuts = 5

// Put writes an object once, locked until the given instant.
func (b *Bucket) Put(ctx context.Context, name string, body []byte,
	until time.Time) (taken bool, err error) {
	if err := b.ensureLocked(ctx); err != nil {
		return false, err
	}
	again := func(tries int, err error) bool {
		return status(err) == http.StatusConflict && tries < maxPuts
	}
	err = pace.Retry(ctx, again, func() (err error) {
		taken, err = b.put(ctx, name, body, until)
		return err
	})
	return taken, err
}

func (b *Bucket) put(ctx context.Context, name string, body []byte,
	until time.Time) (taken bool, err error) {
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &name, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"),
		ContentType: aws.String(contentType(name)), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ObjectLockMode: b.mode, ObjectLockRetainUntilDate: aws.Time(until.UTC()),
	})
	if status(err) == http.StatusPreconditionFailed {
		return true, nil
	}
	if err != nil {
		return false, awsfault.Of(fmt.Errorf("auditlog: put %s: %w", name, err))
	}
	return false, nil
}

func contentType(name string) string {
	if strings.HasSuffix(name, ".json") {
		return "application/json"
	}
	return "application/x-ndjson"
}

// Get reads an object; fault.Absent when there is none.
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &name})
	if status(err) == http.StatusNotFound {
		return nil, fault.Absent("object").Wrap(err)
	}
	if err != nil {
		return nil, awsfault.Of(fmt.Errorf("auditlog: get %s: %w", name, err))
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, awsfault.Of(fmt.Errorf("auditlog: get %s: %w", name, err))
	}
	return body, nil
}

// status is the HTTP status of a failed call, 0 where there was no answer.
func status(err error) int {
	var res *awshttp.ResponseError
	if errors.As(err, &res) {
		return res.HTTPStatusCode()
	}
	return 0
}

// UsePathStyleLocally lets the client name the bucket in the path where a local endpoint is set, because a
// bucket's own host name does not resolve there.
func UsePathStyleLocally(cfg aws.Config) func(*s3.Options) {
	return func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil }
}
