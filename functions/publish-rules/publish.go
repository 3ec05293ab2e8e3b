package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/audit"
	"fenzhang/shared/keys"
	"fenzhang/shared/outbox"
	"fenzhang/shared/rulepack"
)

// platform is the tenant of what belongs to all tenants.
const platform = "-"

// publisher takes packs.
type publisher struct {
	Objects interface {
		GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
		PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	}
	DB interface {
		TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	}
	Bucket, Tenancy, Settlements string
	Log                          *slog.Logger
	Now                          func() time.Time
	NewID                        func() string
}

// Handle takes each manifest that the event names. An error goes to the log, the alarm and, after the retries, the
// dead-letter queue; it says why the pack was refused.
func (p publisher) Handle(ctx context.Context, ev events.S3Event) error {
	var failed []error
	for _, r := range ev.Records {
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err == nil {
			err = p.take(ctx, key)
		}
		if err != nil {
			p.Log.ErrorContext(ctx, "pack refused", "manifest", r.S3.Object.Key, "cause", err.Error())
			failed = append(failed, fmt.Errorf("%s: %w", r.S3.Object.Key, err))
		}
	}
	return errors.Join(failed...)
}

// take checks and stores the pack of one manifest. Repeating it changes nothing.
func (p publisher) take(ctx context.Context, key string) error {
	raw, err := p.get(ctx, key)
	if err != nil {
		return err
	}
	m, err := rulepack.Parse(raw)
	if err != nil {
		return err
	}
	archive, err := m.Archive(func(name string) ([]byte, error) { return p.get(ctx, path.Join(path.Dir(key), name)) })
	if err != nil {
		return err
	}
	files, err := rulepack.Open(archive)
	if err != nil {
		return err
	}
	v, err := m.Verify(files)
	if err != nil {
		return err
	}
	name := "packs/" + m.Pack + "/" + m.Version + ".zip"
	if err := p.store(ctx, name, archive); err != nil {
		return err
	}
	if err := p.record(ctx, name, v); err != nil {
		return err
	}
	p.Log.InfoContext(ctx, "pack stored", "pack", m.Pack, "version", m.Version, "sha256", v.ID.SHA256, "examples", v.Examples, "skipped", v.Skipped)
	return nil
}

// maxObject bounds what is read of one object, in bytes; rule files and manifests are small.
const maxObject = 1 << 20

func (p publisher) get(ctx context.Context, key string) ([]byte, error) {
	res, err := p.Objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.Bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxObject+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if len(body) > maxObject {
		return nil, fmt.Errorf("%s is larger than %d bytes", key, maxObject)
	}
	return body, nil
}

// errOtherContent refuses to change a version: figures of years ago are computed again from it.
var errOtherContent = errors.New("this version is stored with other content; raise the version")

// store writes the archive once.
func (p publisher) store(ctx context.Context, name string, archive []byte) error {
	_, err := p.Objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &p.Bucket, Key: &name, Body: bytes.NewReader(archive), IfNoneMatch: aws.String("*"), ContentType: aws.String("application/zip")})
	var res *awshttp.ResponseError
	if !errors.As(err, &res) || res.HTTPStatusCode() != http.StatusPreconditionFailed {
		return err
	}
	there, err := p.get(ctx, name)
	if err == nil && !bytes.Equal(there, archive) {
		err = errOtherContent
	}
	return err
}

// record notes the stored pack beside the master data, with its audit record in the same transaction.
func (p publisher) record(ctx context.Context, name string, v rulepack.Verified) error {
	now, object := p.Now().UTC().Truncate(time.Millisecond), v.ID.Pack+"@"+v.ID.Version
	what, err := json.Marshal(map[string]any{"sha256": v.ID.SHA256, "examples": v.Examples, "skipped": v.Skipped})
	if err != nil {
		return err
	}
	told, err := outbox.Put(p.Settlements, audit.Record{ID: p.NewID(), Tenant: platform, At: now, Actor: "system:publish-rules", Act: "rules.stored", Object: object, What: what}, nil)
	if err != nil {
		return err
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	k := keys.Master(platform, "pack", object, 1)
	_, err = p.DB.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Put: &types.Put{
		TableName: &p.Tenancy, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		Item: map[string]types.AttributeValue{"pk": text(k.PK), "sk": text(k.SK), "pack": text(v.ID.Pack), "version": text(v.ID.Version),
			"sha256": text(v.ID.SHA256), "object": text(name), "state": text("verified"), "at": text(now.Format(time.RFC3339Nano))},
	}}, told}})
	if known(err) {
		return nil
	}
	return err
}

// known tells that the pack was recorded before: then its act has its audit record already.
func known(err error) bool {
	var canceled *types.TransactionCanceledException
	return errors.As(err, &canceled) && len(canceled.CancellationReasons) > 0 && strings.HasPrefix(aws.ToString(canceled.CancellationReasons[0].Code), "ConditionalCheckFailed")
}
