package publishapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"fenzhang/rules"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset/rulesetdb"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/vault/sm2signer"
)

// stage is the function on the local AWS.
type stage struct {
	t      *testing.T
	l      dynamotest.Tables
	s3     *s3.Client
	bucket string
	event  []byte
	key    *sm2signer.Local
	mux    trigger.Mux
	store  *rulesetdb.Store
	log    *bytes.Buffer
	there  map[string]string // what lies in the bucket, so that it need not be copied again
}

const folder = "incoming/national 2026/"

func open(t *testing.T) *stage {
	l := dynamotest.OpenWithOtherServices(t)
	event := triggertest.ReadSample(t, "../../../../functions/publish-rules/event.json")
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint), UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	s := &stage{t: t, l: l, s3: client, bucket: strings.TrimSuffix(l.Control, "-control") + "-rules", event: event, log: &bytes.Buffer{}, there: map[string]string{}}
	if _, err := client.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &s.bucket}); err != nil {
		t.Fatal(err)
	}
	key, trusted, err := ruletest.NewTrustedKey()
	if err != nil {
		t.Fatal(err)
	}
	s.key = key
	s.store = &rulesetdb.Store{Objects: client, DB: l.Client, Bucket: s.bucket, Tenancy: l.Tenancy, Settlements: l.Settlements}
	s.mux = API{publish.New(s.store, trusted, slog.New(slog.NewJSONHandler(s.log, nil)), time.Now, ids.NewSource(time.Now))}.Triggers()
	return s
}

func (s *stage) put(key string, body []byte) {
	s.t.Helper()
	if s.there[key] == string(body) {
		return
	}
	s.there[key] = string(body)
	if _, err := s.s3.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) remove(key string) {
	s.t.Helper()
	delete(s.there, key)
	if _, err := s.s3.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key}); err != nil {
		s.t.Fatal(err)
	}
}

// files copies a pack to where event.json says, without its manifest.
func (s *stage) files(files fs.FS) {
	s.t.Helper()
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err == nil {
			s.put(folder+name, data)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) manifest(files fs.FS, key *sm2signer.Local, state rulepack.State) []byte {
	s.t.Helper()
	raw, err := ruletest.SignManifest(context.Background(), files, key, state)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// handIn copies a pack with its manifest and tells the function.
func (s *stage) handIn(files fs.FS, state rulepack.State) error {
	s.t.Helper()
	s.files(files)
	s.put(folder+rulepack.ManifestName, s.manifest(files, s.key, state))
	return s.notify("")
}

// notify is S3's word that a manifest is there; each upload has its own sequencer.
func (s *stage) notify(sequencer string) error {
	s.t.Helper()
	event := s.event
	if sequencer != "" {
		event = bytes.ReplaceAll(event, []byte("0055AED6DCD90281E5"), []byte(sequencer))
	}
	_, err := s.mux.Invoke(context.Background(), event)
	return err
}

func (s *stage) order(job, version string) publish.Outcome {
	s.t.Helper()
	payload, err := json.Marshal(map[string]string{"job": job, "pack": "national", "version": version, "by": "tester", "why": "a test"})
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := s.mux.Invoke(context.Background(), payload)
	if err != nil {
		s.t.Fatalf("%s %s: %v", job, version, err)
	}
	var out publish.Outcome
	if err := json.Unmarshal(raw, &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// done is order for what has to work.
func (s *stage) done(job, version, active string) {
	s.t.Helper()
	if out := s.order(job, version); out.Refused != "" || !out.Changed || out.Active != active {
		s.t.Fatalf("%s %s: %+v, want %s active", job, version, out, active)
	}
}

func (s *stage) status() publish.Report {
	s.t.Helper()
	raw, err := s.mux.Invoke(context.Background(), []byte(`{"job":"status","pack":"national"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	var r publish.Report
	if err := json.Unmarshal(raw, &r); err != nil || len(r.Packs) != 1 {
		s.t.Fatalf("%s: %v", raw, err)
	}
	return r
}

func (s *stage) states() map[string]rulepack.State {
	s.t.Helper()
	out := map[string]rulepack.State{}
	for _, v := range s.status().Packs[0].Versions {
		out[v.Version] = v.State
	}
	return out
}

func (s *stage) archives() int {
	s.t.Helper()
	list, err := s.s3.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String("packs/")})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(list.Contents)
}

// told counts the audit records and events in the outbox, by act.
func (s *stage) told() (records map[string]int, named int) {
	s.t.Helper()
	records = map[string]int{}
	for _, it := range s.l.ReadTable(s.t, s.l.Settlements) {
		var rec struct{ Act string }
		if err := json.Unmarshal([]byte(it[outbox.AuditAttribute].(*types.AttributeValueMemberS).Value), &rec); err != nil {
			s.t.Fatal(err)
		}
		records[rec.Act]++
		if name, ok := it[outbox.NameAttribute].(*types.AttributeValueMemberS); ok && name.Value == "TaxPolicyUpdatedEvent" {
			named++
		}
	}
	return records, named
}

func rate(t *testing.T, version, share string) fstest.MapFS {
	t.Helper()
	files, err := ruletest.PackWithCostRate(version, share)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGoodPackIsStoredOnce(t *testing.T) {
	s := open(t)
	for range 2 { // S3 may tell twice
		if err := s.handIn(rules.NationalPack(), ""); err != nil {
			t.Fatal(err)
		}
	}
	r := s.status()
	if len(r.Packs[0].Versions) != 1 || r.Packs[0].Versions[0].State != rulepack.Draft || r.Packs[0].Versions[0].Examples == 0 || s.archives() != 1 || r.Rev != 0 {
		t.Errorf("%+v, %d archives", r, s.archives())
	}
	if records, events := s.told(); len(records) != 1 || records["rules.stored"] != 1 || events != 0 {
		t.Errorf("records %v, %d events", records, events)
	}
}

func TestALifeFromDraftToRevoked(t *testing.T) {
	s := open(t)
	if err := s.handIn(rate(t, "2030.1", "0.30"), ""); err != nil {
		t.Fatal(err)
	}
	s.done("shadow", "2030.1", "embedded")
	s.done("draft", "2030.1", "embedded")
	s.done("shadow", "2030.1", "embedded")
	s.done("activate", "2030.1", "2030.1")
	if out := s.order("activate", "2030.1"); out.Changed || out.Refused != "" {
		t.Errorf("activated again: %+v", out)
	}
	if out := s.order("shadow", "2030.1"); out.Refused == "" {
		t.Errorf("its own shadow: %+v", out)
	}
	if err := s.handIn(rate(t, "2030.2", "0.40"), rulepack.Active); err != nil {
		t.Fatal(err)
	}
	if got := s.states(); got["2030.1"] != rulepack.Draft || got["2030.2"] != rulepack.Active {
		t.Errorf("states %v", got)
	}
	if out := s.order("activate", "2030.1"); !strings.Contains(out.Refused, "roll-back") {
		t.Errorf("a downgrade: %+v", out)
	}
	s.done("rollback", "", "2030.1")
	if err := s.notify(""); err != nil { // the notification of 2030.2 comes a second time
		t.Fatal(err)
	}
	if got := s.status().Packs[0].Active; got != "2030.1" {
		t.Errorf("a repeated notification undid the roll-back: %s is active", got)
	}
	if err := s.notify("0055AED6DCD90281FF"); err != nil { // it is handed in again
		t.Fatal(err)
	}
	if got := s.status().Packs[0].Active; got != "2030.2" {
		t.Errorf("handed in again, %s is active", got)
	}
	s.done("revoke", "2030.2", "2030.1")
	if out := s.order("revoke", "2030.2"); out.Changed || out.Refused != "" {
		t.Errorf("revoked again: %+v", out)
	}
	for _, job := range []string{"activate", "shadow"} {
		if out := s.order(job, "2030.2"); !strings.Contains(out.Refused, "was revoked") {
			t.Errorf("%s of a revoked version: %+v", job, out)
		}
	}
	if err := s.notify("0055AED6DCD90281FG"); err == nil || !strings.Contains(err.Error(), "was revoked") {
		t.Errorf("a revoked version handed in again: %v", err)
	}
	s.done("rollback", "embedded", "embedded")
	if out := s.order("rollback", ""); out.Refused == "" {
		t.Errorf("behind the binary: %+v", out)
	}
	if got := s.states(); got["2030.2"] != rulepack.Revoked || got["2030.1"] != rulepack.Draft || s.archives() != 2 {
		t.Errorf("states %v, %d archives", got, s.archives())
	}
	r := s.status()
	records, events := s.told()
	moved := 0
	for act, n := range records {
		if act != "rules.stored" {
			moved += n
		}
	}
	if len(r.Packs[0].History) != moved+records["rules.stored"] || int(r.Rev) != events || records["rules.stored"] != 2 {
		t.Errorf("%d changes, records %v, %d events for %d moves of the pointers", len(r.Packs[0].History), records, events, r.Rev)
	}
}

func TestRefusedPacksChangeNothing(t *testing.T) {
	const brackets = "iit/brackets_labor.yaml"
	stranger, _, err := ruletest.NewTrustedKey()
	if err != nil {
		t.Fatal(err)
	}
	good := func(t *testing.T) fstest.MapFS { return rate(t, "2030.5", "0.30") }
	s := open(t)
	if err := s.handIn(rate(t, "2030.4", "0.25"), rulepack.Active); err != nil {
		t.Fatal(err)
	}
	before, _ := s.told()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, s *stage, files fstest.MapFS) []byte // puts the files, gives the manifest
		says  string
	}{
		"tampered": {func(_ *testing.T, s *stage, files fstest.MapFS) []byte {
			m := s.manifest(files, s.key, rulepack.Active)
			files[brackets] = &fstest.MapFile{Data: append(bytes.Clone(files[brackets].Data), '\n')}
			s.files(files)
			return m
		}, "is not the file of the manifest"},
		"half uploaded": {func(_ *testing.T, s *stage, files fstest.MapFS) []byte {
			m := s.manifest(files, s.key, rulepack.Active)
			s.files(files)
			s.remove(folder + brackets)
			return m
		}, "half uploaded"},
		"unsigned": {func(t *testing.T, s *stage, files fstest.MapFS) []byte {
			s.files(files)
			m, err := rulepack.ParseManifest(s.manifest(files, s.key, rulepack.Active))
			if err != nil {
				t.Fatal(err)
			}
			m.Signature = nil
			raw, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}, "not signed"},
		"signed by a stranger": {func(_ *testing.T, s *stage, files fstest.MapFS) []byte {
			s.files(files)
			return s.manifest(files, stranger, rulepack.Active)
		}, "not trusted"},
		"signed, then changed": {func(_ *testing.T, s *stage, files fstest.MapFS) []byte {
			s.files(files)
			return bytes.Replace(s.manifest(files, s.key, rulepack.Draft), []byte(`"draft"`), []byte(`"active"`), 1)
		}, "is not that of key"},
		"no manifest": {func(_ *testing.T, s *stage, files fstest.MapFS) []byte { s.files(files); return []byte("{}") }, "manifest"},
		"downgraded": {func(t *testing.T, s *stage, _ fstest.MapFS) []byte {
			old := rate(t, "2030.3", "0.50")
			s.files(old)
			return s.manifest(old, s.key, rulepack.Active)
		}, "is not above the stored 2030.4"},
		"older than the binary": {func(t *testing.T, s *stage, _ fstest.MapFS) []byte {
			old := rate(t, "2019.1", "0.50")
			s.files(old)
			return s.manifest(old, s.key, rulepack.Active)
		}, "is not above"},
		"other content of a stored version": {func(t *testing.T, s *stage, _ fstest.MapFS) []byte {
			other := rate(t, "2030.4", "0.50")
			s.files(other)
			return s.manifest(other, s.key, rulepack.Active)
		}, "raise the version"},
		"a failing example": {func(t *testing.T, s *stage, files fstest.MapFS) []byte {
			if err := ruletest.ReplaceText(files, "iit/labor/examples.yaml", `withheld: "`, `withheld: "9`); err != nil {
				t.Fatal(err)
			}
			s.files(files)
			return s.manifest(files, s.key, rulepack.Active)
		}, "fails"},
		"a broken rule": {func(_ *testing.T, s *stage, files fstest.MapFS) []byte {
			files[brackets] = &fstest.MapFile{Data: []byte("id: x\n")}
			s.files(files)
			return s.manifest(files, s.key, rulepack.Active)
		}, brackets},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.log.Reset()
			refusals := len(s.status().Refusals)
			s.put(folder+rulepack.ManifestName, c.spoil(t, s, good(t)))
			for range 2 { // a repeated notification is refused again, and recorded once
				if err := s.notify(fmt.Sprintf("0055AED6DCD90%05d", refusals)); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Fatalf("got %v", err)
				}
			}
			r := s.status()
			if r.Packs[0].Active != "2030.4" || r.Rev != 1 || s.archives() != 1 || len(r.Packs[0].Versions) != 1 {
				t.Errorf("it left something: %+v, %d archives", r, s.archives())
			}
			said := slices.ContainsFunc(r.Refusals, func(r publish.Refusal) bool { return strings.Contains(r.Why, c.says) })
			if len(r.Refusals) != refusals+1 || !said {
				t.Errorf("refusals %+v", r.Refusals)
			}
			if after, _ := s.told(); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("records %v, then %v", before, after)
			}
			if !strings.Contains(s.log.String(), `"msg":"pack refused"`) {
				t.Errorf("the alarm hears nothing: %s", s.log)
			}
		})
	}
}

// What was good at storing may be spoiled later: who writes into the bucket still activates nothing.
func TestASpoiledArchiveIsNotActivated(t *testing.T) {
	s := open(t)
	if err := s.handIn(rate(t, "2030.1", "0.30"), ""); err != nil {
		t.Fatal(err)
	}
	other, _, err := ruletest.NewTrustedKey()
	if err != nil {
		t.Fatal(err)
	}
	_, archive, err := ruletest.ArchivePack(context.Background(), rate(t, "2030.1", "0.99"), other)
	if err != nil {
		t.Fatal(err)
	}
	s.put(publish.ArchiveName("national", "2030.1"), archive)
	if out := s.order("activate", "2030.1"); !strings.Contains(out.Refused, "not trusted") {
		t.Errorf("another's signature: %+v", out)
	}
	if _, archive, err = ruletest.ArchivePack(context.Background(), rate(t, "2030.1", "0.99"), s.key); err != nil {
		t.Fatal(err)
	}
	s.put(publish.ArchiveName("national", "2030.1"), archive)
	if out := s.order("shadow", "2030.1"); !strings.Contains(out.Refused, "holds national@2030.1") {
		t.Errorf("other content of our own: %+v", out)
	}
	if r := s.status(); r.Rev != 0 || len(r.Refusals) != 2 {
		t.Errorf("%+v", r)
	}
}

func TestOrdersThatMeanNothingAreAnswered(t *testing.T) {
	s := open(t)
	for _, payload := range []string{`{"job":"dance"}`, `{"job":"activate","pack":"national","version":"9"}`, `{"job":"shadow","pack":"none","version":"1"}`,
		`{"job":"revoke","pack":"national","version":"9"}`, `{"job":"rollback","pack":"national","version":"9"}`, `{"job":"draft","pack":"national"}`, `{"job":"activate","more":1}`} {
		raw, err := s.mux.Invoke(context.Background(), []byte(payload))
		var out publish.Outcome
		if err != nil || json.Unmarshal(raw, &out) != nil || out.Refused == "" {
			t.Errorf("%s: %s %v", payload, raw, err)
		}
	}
	if records, _ := s.told(); len(records) != 0 {
		t.Errorf("records %v", records)
	}
}

// Many who change the pointers at once: each change is made once, none is lost.
func TestOrdersAtOnceAreDoneOneAfterAnother(t *testing.T) {
	s := open(t)
	versions := []string{"2030.1", "2030.2", "2030.3", "2030.4"}
	for _, v := range versions {
		if err := s.handIn(rate(t, v, "0.30"), ""); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for _, v := range versions {
		wg.Go(func() { s.order("activate", v) })
	}
	wg.Wait()
	r := s.status()
	records, events := s.told()
	if p := r.Packs[0]; p.Active != "2030.4" || len(p.Before) != int(r.Rev) || p.Before[0] != "embedded" || !slices.IsSortedFunc(p.Before[1:], rulepack.CompareVersions) {
		t.Errorf("%+v", p)
	}
	if records["rules.activated"] != int(r.Rev) || events != int(r.Rev) {
		t.Errorf("rev %d, records %v, %d events", r.Rev, records, events)
	}
}

func TestAnUnreachableStoreIsNoRefusal(t *testing.T) {
	s := open(t)
	if err := s.handIn(rate(t, "2030.1", "0.30"), ""); err != nil {
		t.Fatal(err)
	}
	for _, cause := range []error{&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, &smithy.GenericAPIError{Code: "AccessDenied"}} {
		s.store.Objects = away{&smithy.OperationError{ServiceID: "S3", OperationName: "GetObject", Err: cause}}
		if raw, err := s.mux.Invoke(context.Background(), []byte(`{"job":"activate","pack":"national","version":"2030.1"}`)); err == nil {
			t.Errorf("%v: answered %s", cause, raw)
		}
		if err := s.notify("1"); err == nil || len(s.status().Refusals) != 0 {
			t.Errorf("%v: %v; refusals %v", cause, err, s.status().Refusals)
		}
	}
}

// away is a bucket that cannot be reached.
type away struct{ err error }

func (a away) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return nil, a.err
}

func (a away) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return nil, a.err
}
