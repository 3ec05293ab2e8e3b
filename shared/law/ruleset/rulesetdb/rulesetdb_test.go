package rulesetdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"fenzhang/shared/clock/ids"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruleset/rulesetdb"
)

const pack = "national"

// bucket is the part of S3 that the store calls, in memory.
type bucket map[string][]byte

func (b bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	body, ok := b[*in.Key]
	if !ok {
		return nil, statusError(http.StatusNotFound)
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body))}, nil
}

func (b bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if _, ok := b[*in.Key]; ok && in.IfNoneMatch != nil && *in.IfNoneMatch == "*" {
		return nil, statusError(http.StatusPreconditionFailed)
	}
	body, err := io.ReadAll(in.Body)
	b[*in.Key] = body
	return &s3.PutObjectOutput{}, err
}

func statusError(code int) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code}}, Err: errors.New("refused")}}
}

func storeOn(l dynamotest.Tables) *rulesetdb.Store {
	return &rulesetdb.Store{DB: l.Client, Objects: bucket{}, Bucket: "rules", Tenancy: l.Tenancy, Settlements: l.Settlements}
}

// newID makes ids of changes. They are new in each run, because they are also idempotency tokens, which DynamoDB remembers
// for ten minutes. Each id is a millisecond later than the one before, because changes are listed by the time in their ids.
var newID = func() func() string {
	now := time.Now()
	return ids.NewSource(func() time.Time { now = now.Add(time.Millisecond); return now })
}()

// change is what publishing version of the pack writes: record, pointers of revision rev, event.
func change(version string, rev int64) publish.Write {
	at := time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)
	ref := ruleset.Ref{Version: version, SHA256: "hash-of-" + version}
	return publish.Write{
		Change:  publish.Change{ID: newID(), At: at, Act: "rules.activated", Pack: pack, To: version, Rev: rev},
		Version: &publish.Version{Pack: pack, Version: version, SHA256: ref.SHA256, At: at},
		State:   &ruleset.State{Rev: rev, Packs: map[string]ruleset.Pointer{pack: {Active: ref}}},
		Event:   publish.Event{Pack: pack, Version: version, Act: "rules.activated", Rev: rev, At: at},
	}
}

func TestAChangeIsReadBackWithItsOutboxItem(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		s, ctx := storeOn(l), t.Context()
		if st, err := s.LatestState(ctx); err != nil || st.Rev != 0 || len(st.Packs) != 0 {
			t.Fatalf("before the first change: %+v, %v", st, err)
		}
		for i, version := range []string{"2030.9", "2030.10"} {
			if err := s.ApplyChange(ctx, change(version, int64(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		st, err := s.LatestState(ctx)
		if err != nil || st.Rev != 2 || st.Packs[pack].Active.Version != "2030.10" {
			t.Errorf("pointers %+v, %v", st, err)
		}
		v, err := s.FindVersion(ctx, pack, "2030.9")
		if err != nil || v.SHA256 != "hash-of-2030.9" {
			t.Errorf("version %+v, %v", v, err)
		}
		if _, err := s.FindVersion(ctx, pack, "2030.11"); !fault.HasCode(err, fault.NotFound) {
			t.Errorf("a version that is not stored: %v", err)
		}
		versions, err := s.ListVersions(ctx, pack)
		if err != nil || len(versions) != 2 || versions[0].Version != "2030.9" {
			t.Errorf("versions %+v, %v; want 2030.9 before 2030.10", versions, err)
		}
		changes, err := s.ListChanges(ctx, pack, 1)
		if err != nil || len(changes) != 1 || changes[0].To != "2030.10" {
			t.Errorf("last change %+v, %v", changes, err)
		}
		if n := len(l.ReadTable(t, l.Settlements)); n != 2 {
			t.Errorf("%d outbox items for 2 changes", n)
		}
	})
}

// Two publishers that have read the same pointers: only the first one writes.
func TestOfTwoChangesAtOnceOneIsWritten(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		s, ctx := storeOn(l), t.Context()
		for rev := range int64(2) {
			first := change(fmt.Sprintf("2030.1.%d", rev), rev+1)
			late := change(fmt.Sprintf("2030.2.%d", rev), rev+1)
			if err := s.ApplyChange(ctx, first); err != nil {
				t.Fatal(err)
			}
			if err := s.ApplyChange(ctx, late); !errors.Is(err, optimistic.ErrRival) {
				t.Errorf("revision %d written twice: %v", rev+1, err)
			}
		}
		versions, err := s.ListVersions(ctx, pack)
		if err != nil || len(versions) != 2 || len(l.ReadTable(t, l.Settlements)) != 2 {
			t.Errorf("the refused changes left something: %+v, %v", versions, err)
		}
	})
}

// S3 may notify twice of one upload, and the pointers may have moved on in between.
func TestARequestIsFulfilledOnce(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		s, ctx := storeOn(l), t.Context()
		w := change("2030.1", 1)
		w.Request = "upload-1"
		if err := s.ApplyChange(ctx, w); err != nil {
			t.Fatal(err)
		}
		w = change("2030.2", 2)
		w.Request = "upload-1"
		if err := s.ApplyChange(ctx, w); !errors.Is(err, publish.ErrAlreadyFulfilled) {
			t.Errorf("fulfilled twice: %v", err)
		}
		if st, err := s.LatestState(ctx); err != nil || st.Rev != 1 {
			t.Errorf("pointers %+v, %v", st, err)
		}
	})
}

func TestOnlyAStoredVersionIsRevoked(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		s, ctx := storeOn(l), t.Context()
		now := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
		revoke := func() publish.Write {
			w := change("2030.1", 2)
			w.Version.Revoked = &now
			w.State = nil
			return w
		}
		if err := s.ApplyChange(ctx, revoke()); !errors.Is(err, optimistic.ErrRival) {
			t.Errorf("revoked before it was stored: %v", err)
		}
		if err := s.ApplyChange(ctx, change("2030.1", 1)); err != nil {
			t.Fatal(err)
		}
		if err := s.ApplyChange(ctx, revoke()); err != nil {
			t.Fatal(err)
		}
		if v, err := s.FindVersion(ctx, pack, "2030.1"); err != nil || v.Revoked == nil || !v.Revoked.Equal(now) {
			t.Errorf("version %+v, %v", v, err)
		}
	})
}

func TestARefusalIsRecordedOnce(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		s, ctx := storeOn(l), t.Context()
		for _, id := range []string{"20261201#a", "20261202#b", "20261202#b"} {
			if err := s.RecordRefusal(ctx, publish.Refusal{ID: id, What: "manifest x", Why: "not signed"}); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.ListRefusals(ctx, 20)
		if err != nil || len(list) != 2 || list[0].ID != "20261202#b" {
			t.Errorf("refusals %+v, %v", list, err)
		}
	})
}

func TestAnArchiveIsNeverReplaced(t *testing.T) {
	s, ctx := storeOn(dynamotest.OpenInMemory(t)), t.Context()
	if taken, err := s.StoreArchive(ctx, pack, "2030.1", []byte("first")); err != nil || taken {
		t.Fatalf("taken %v, %v", taken, err)
	}
	if taken, err := s.StoreArchive(ctx, pack, "2030.1", []byte("second")); err != nil || !taken {
		t.Errorf("taken %v, %v", taken, err)
	}
	if got, err := s.ReadArchive(ctx, pack, "2030.1"); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := s.ReadArchive(ctx, pack, "2030.2"); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("an archive that is not stored: %v", err)
	}
	var large *publish.TooLargeError
	if _, err := s.ReadObject(ctx, publish.ArchiveName(pack, "2030.1"), 4); !errors.As(err, &large) {
		t.Errorf("5 bytes where 4 are allowed: %v", err)
	}
	if got, err := s.ReadObject(ctx, publish.ArchiveName(pack, "2030.1"), 5); err != nil || len(got) != 5 {
		t.Errorf("%q, %v", got, err)
	}
}
