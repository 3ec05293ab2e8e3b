// Package rulesetdb stores the policy packs: pointers, versions, history and refusals in the
// tenancy table under the tenant of the platform, archives in the rules bucket.
package rulesetdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
)

// Platform is the tenant id of items that belong to all tenants, such as the policy packs.
const Platform = "-"

// Objects are the calls of S3 that the store makes.
type Objects interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Store implements ruleset.Shelf and publish.Store.
type Store struct {
	DB                   dynamo.API
	Objects              Objects
	Bucket               string
	Tenancy, Settlements string // table names; Settlements holds the outbox items
}

var (
	_ ruleset.PackStore = (*Store)(nil)
	_ publish.Store     = (*Store)(nil)
)

type item = dynamo.Item

// docAttribute is the attribute with the JSON document of an item.
const docAttribute = "doc"

// documentItem makes an item that has v as JSON in its document attribute.
func documentItem(k keys.Key, v any) (item, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := dynamo.Key(k)
	it[docAttribute] = dynamo.Text(string(doc))
	return it, nil
}

// decodeDocument decodes the JSON document of an item.
func decodeDocument(it item, into any) error {
	doc, ok := it[docAttribute].(*types.AttributeValueMemberS)
	if !ok {
		return fault.Internal(errors.New("rulesetdb: an item without its document"))
	}
	if err := json.Unmarshal([]byte(doc.Value), into); err != nil {
		return fault.Internal(fmt.Errorf("rulesetdb: %w", err))
	}
	return nil
}

// ReadState reads the pointers, eventually consistent. A read of the pointers costs half a read
// unit as long as few packs differ from the binary.
func (s *Store) ReadState(ctx context.Context) (ruleset.State, error) {
	return s.readPointers(ctx, false)
}

// LatestState reads the pointers strongly consistent, for a caller that will change them.
func (s *Store) LatestState(ctx context.Context) (ruleset.State, error) {
	return s.readPointers(ctx, true)
}

// readPointers reads the pointers; a table without pointers gives the zero state, in which all
// packs are those of the binary.
func (s *Store) readPointers(ctx context.Context, consistent bool) (ruleset.State, error) {
	var st ruleset.State
	_, err := s.readDocument(ctx, keys.RulePointers(), consistent, &st)
	return st, err
}

// readDocument reads one item into the value that into points to. found is false if there is no
// such item.
func (s *Store) readDocument(ctx context.Context, k keys.Key, consistent bool,
	into any) (found bool, err error) {
	out, err := s.DB.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &s.Tenancy, Key: dynamo.Key(k), ConsistentRead: &consistent})
	if err != nil {
		return false, awsfault.Classify(err)
	}
	if out.Item == nil {
		return false, nil
	}
	return true, decodeDocument(out.Item, into)
}

// maxArchive is the largest size of an archive that is read, in bytes.
const maxArchive = 16 << 20

// ReadArchive reads the archive of a stored version.
//
// Errors: fault.MissingObject if the version is not stored.
func (s *Store) ReadArchive(ctx context.Context, pack, version string) ([]byte, error) {
	return s.ReadObject(ctx, publish.ArchiveName(pack, version), maxArchive)
}

// ReadObject reads an object of the rules bucket that has at most the given number of bytes.
//
// Errors: fault.MissingObject if there is no such object; *publish.TooLargeError if it is larger.
func (s *Store) ReadObject(ctx context.Context, name string, most int64) ([]byte, error) {
	res, err := s.Objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: &name})
	if httpStatus(err) == http.StatusNotFound {
		return nil, fault.MissingObject("object " + name).Wrap(err)
	}
	if err != nil {
		return nil, awsfault.Classify(fmt.Errorf("read %s: %w", name, err))
	}
	defer func() { _ = res.Body.Close() }()
	// One byte more than allowed shows that the object is too large, without reading all of it.
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, awsfault.Classify(fmt.Errorf("read %s: %w", name, err))
	}
	if int64(len(body)) > most {
		return nil, fault.Internal(&publish.TooLargeError{Name: name, Most: most})
	}
	return body, nil
}

// httpStatus returns the HTTP status of an error of S3, and 0 for any other error.
func httpStatus(err error) int {
	var res *awshttp.ResponseError
	if errors.As(err, &res) {
		return res.HTTPStatusCode()
	}
	return 0
}

// StoreArchive writes an archive unless there is one of this name. taken is true if there is; then
// nothing was written.
func (s *Store) StoreArchive(ctx context.Context, pack, version string,
	archive []byte) (taken bool, err error) {
	name := publish.ArchiveName(pack, version)
	_, err = s.Objects.PutObject(ctx,
		&s3.PutObjectInput{Bucket: &s.Bucket, Key: &name, Body: bytes.NewReader(archive),
			// The condition makes the archive immutable: no second upload can replace a verified version.
			IfNoneMatch: aws.String("*"), ContentType: aws.String("application/zip")})
	if httpStatus(err) == http.StatusPreconditionFailed {
		return true, nil
	}
	if err != nil {
		return false, awsfault.Classify(fmt.Errorf("write %s: %w", name, err))
	}
	return false, nil
}

// FindVersion reads the record of a version of a pack.
//
// Errors: fault.MissingObject if the version is not stored.
func (s *Store) FindVersion(ctx context.Context, pack, version string) (publish.Version, error) {
	var v publish.Version
	found, err := s.readDocument(ctx, keys.RuleVersion(pack, version), true, &v)
	if err == nil && !found {
		err = fault.MissingObject("version " + version + " of pack " + pack)
	}
	return v, err
}

// ListVersions lists the stored versions of a pack, the lowest first.
func (s *Store) ListVersions(ctx context.Context, pack string) ([]publish.Version, error) {
	all, err := listDocuments[publish.Version](ctx, s, keys.RulePack(pack), keys.RuleVersionPrefix, 0)
	slices.SortFunc(all, func(a, b publish.Version) int {
		return rulepack.CompareVersions(a.Version, b.Version)
	})
	return all, err
}

// ListChanges lists the changes of a pack, newest first, at most the given number.
func (s *Store) ListChanges(ctx context.Context, pack string,
	most int32) ([]publish.Change, error) {
	return listDocuments[publish.Change](ctx, s, keys.RulePack(pack), keys.RuleChangePrefix, most)
}

// ListRefusals lists the refused packs and orders, newest first, at most the given number.
func (s *Store) ListRefusals(ctx context.Context, most int32) ([]publish.Refusal, error) {
	return listDocuments[publish.Refusal](ctx, s, keys.RuleRefusals(), "", most)
}

// RecordRefusal stores a refusal. Storing the same refusal again changes nothing, because the id of
// a refusal is derived from the refused request.
func (s *Store) RecordRefusal(ctx context.Context, r publish.Refusal) error {
	it, err := documentItem(keys.Key{PK: keys.RuleRefusals(), SK: r.ID}, r)
	if err != nil {
		return err
	}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Tenancy, Item: it})
	return awsfault.Classify(err)
}

// listDocuments reads the newest documents of a partition, or all of them if most is zero.
func listDocuments[V any](ctx context.Context, s *Store, pk, prefix string,
	most int32) ([]V, error) {
	in := dynamo.PartitionQuery(s.Tenancy, pk, prefix)
	in.ScanIndexForward = aws.Bool(false) // newest first
	if most > 0 {
		in.Limit = &most
	}
	out := []V{}
	for it, err := range dynamo.QueryItems(ctx, s.DB, in) {
		if err != nil {
			return nil, err
		}
		var v V
		if err := decodeDocument(it, &v); err != nil {
			return nil, err
		}
		if out = append(out, v); len(out) == int(most) {
			break
		}
	}
	return out, nil
}

// ApplyChange writes a change, its version and pointers and its outbox item in one transaction.
//
// Errors: publish.ErrAlreadyFulfilled if the request of the change was fulfilled before;
// optimistic.ErrRival if another change came first and the caller should decide again.
func (s *Store) ApplyChange(ctx context.Context, w publish.Write) error {
	parts, request, err := s.transactionParts(w)
	if err != nil {
		return err
	}
	err = dynamo.Transact(ctx, s.DB, w.Change.ID, parts)
	refused := dynamo.AsConditionError(err)
	if refused == nil {
		return err
	}
	// The condition on the request item failed with an item found there: this very request is done.
	if request >= 0 && refused.Found[request] != nil {
		return publish.ErrAlreadyFulfilled
	}
	return optimistic.ErrRival
}

// transactionParts builds the writes of a change. request is the index of the request's item in
// them, and -1 if the change has no request.
func (s *Store) transactionParts(
	w publish.Write) (parts []types.TransactWriteItem, request int, err error) {
	request = -1
	add := func(k keys.Key, v any) {
		it, failed := documentItem(k, v)
		if failed != nil {
			err = failed
			return
		}
		parts = append(parts, dynamo.PutNew(s.Tenancy, it))
	}
	add(keys.RuleChange(w.Change.Pack, w.Change.ID), w.Change)
	if w.Request != "" {
		request = len(parts)
		add(keys.RuleRequest(w.Change.Pack, w.Request), w.Change)
	}
	if w.Version != nil {
		add(keys.RuleVersion(w.Version.Pack, w.Version.Version), *w.Version)
		if w.Version.Revoked != nil { // it was stored before
			parts[len(parts)-1].Put.ConditionExpression = aws.String("attribute_exists(pk)")
		}
	}
	if err != nil {
		return nil, 0, err
	}
	if w.State != nil {
		pointers, err := s.putPointers(*w.State)
		if err != nil {
			return nil, 0, err
		}
		parts = append(parts, pointers)
	}
	notice, err := s.outboxItem(w)
	return append(parts, notice), request, err
}

// putPointers builds the write of the pointers. The write has the condition that the stored
// revision is the one before, so that of two changes at once only one succeeds.
func (s *Store) putPointers(st ruleset.State) (types.TransactWriteItem, error) {
	it, err := documentItem(keys.RulePointers(), st)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	it["rev"] = &types.AttributeValueMemberN{Value: fmt.Sprint(st.Rev)}
	put := dynamo.PutNew(s.Tenancy, it)
	if st.Rev > 1 {
		put.Put.ConditionExpression = aws.String("rev = :rev")
		put.Put.ExpressionAttributeValues = item{
			":rev": &types.AttributeValueMemberN{Value: fmt.Sprint(st.Rev - 1)}}
	}
	return put, nil
}

// outboxItem builds the outbox item with the audit record of the change and, if it changes what is
// computed, with the event.
func (s *Store) outboxItem(w publish.Write) (types.TransactWriteItem, error) {
	what, err := json.Marshal(w.Change)
	if err != nil {
		return types.TransactWriteItem{}, fault.Internal(err)
	}
	record := audit.Record{ID: w.Change.ID, Tenant: Platform, At: w.Change.At,
		Actor: "system:publish-rules", Act: w.Change.Act,
		Object: w.Change.Pack + "@" + w.Change.To, What: what, Why: w.Change.Why}
	if w.Event == nil {
		return outbox.Put(s.Settlements, record, nil)
	}
	event, err := json.Marshal(w.Event)
	if err != nil {
		return types.TransactWriteItem{}, fault.Internal(err)
	}
	return outbox.PutNamedEvent(s.Settlements, record, publish.EventName, event)
}
