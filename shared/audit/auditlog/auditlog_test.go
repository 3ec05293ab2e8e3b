package auditlog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/auditlog"
	"fenzhang/shared/audit/audittest"
	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/vault/sm2signer"
)

func quiet() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

func signer(t testing.TB) *sm2signer.Local {
	t.Helper()
	s, err := sm2signer.FromSecret(strings.Repeat("AB", 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bucket makes a bucket on the local AWS.
func bucket(t *testing.T, l dynamotest.Tables, locked bool) (*s3.Client, string) {
	t.Helper()
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	name := strings.TrimSuffix(l.Control, "-control") + "-audit"
	ctx := context.Background()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(locked)}); err != nil {
		t.Fatal(err)
	}
	return client, name
}

// store is evidence on the local AWS.
type store struct {
	*auditlog.Bucket
	*auditlog.Index
}

func open(t *testing.T) store {
	l := dynamotest.OpenWithOtherServices(t)
	client, name := bucket(t, l, true)
	return store{auditlog.NewBucket(client, name, types.ObjectLockModeGovernance), auditlog.NewIndex(l.Client, l.Control)}
}

func TestLocalAWSKeepsThePromises(t *testing.T) {
	audittest.Promises(t, func(t *testing.T) audittest.Store { return open(t) })
}

// TestWritersOnTheLocalAWS lets writers of one tenant meet on the real interfaces.
func TestWritersOnTheLocalAWS(t *testing.T) {
	l := dynamotest.OpenWithOtherServices(t)
	client, name := bucket(t, l, true)
	s := store{auditlog.NewBucket(client, name, types.ObjectLockModeGovernance), auditlog.NewIndex(l.Client, l.Control)}
	lock := auditlog.LockFor("local", time.Now)
	w := audit.Writer{Objects: s, Index: s, Signer: signer(t), Until: lock.Until, Now: time.Now}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			var entries []audit.Entry
			for k := range 10 { // each shares half of its records with the next
				entries = append(entries, audittest.Entry(t, "demo", fmt.Sprintf("r%d", i*5+k)))
			}
			if err := w.Write(context.Background(), "demo", entries); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	report, err := audit.Check(fetch(t, client, name), signer(t).Public())
	if err != nil || report.Failed != 0 || report.Chains[0].Records != 25 {
		t.Errorf("got %+v %v", report, err)
	}
	proof, err := audit.Reader{Objects: s, Index: s}.Prove(context.Background(), "demo", "r12")
	if err != nil || proof.Verify(signer(t).Public()) != nil {
		t.Errorf("proof %+v %v", proof, err)
	}
}

func fetch(t *testing.T, client *s3.Client, name string) fstest.MapFS {
	t.Helper()
	ctx := context.Background()
	out := fstest.MapFS{}
	list, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		res, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &name, Key: o.Key})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		out[*o.Key] = &fstest.MapFile{Data: body}
	}
	return out
}

func TestWrittenObjectsAreLocked(t *testing.T) {
	l := dynamotest.OpenWithOtherServices(t)
	client, name := bucket(t, l, true)
	b := auditlog.NewBucket(client, name, types.ObjectLockModeGovernance)
	ctx := context.Background()
	until := time.Now().Add(24 * time.Hour).Truncate(time.Second)
	if _, err := b.Put(ctx, "demo/000000000001.ndjson", []byte("x\n"), until); err != nil {
		t.Fatal(err)
	}
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &name, Key: aws.String("demo/000000000001.ndjson")})
	if err != nil {
		t.Fatal(err)
	}
	if head.ObjectLockMode != types.ObjectLockModeGovernance || !aws.ToTime(head.ObjectLockRetainUntilDate).Equal(until) {
		t.Errorf("lock %s until %v, want %v", head.ObjectLockMode, head.ObjectLockRetainUntilDate, until)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: aws.String("demo/000000000001.ndjson"), VersionId: head.VersionId}); err == nil {
		t.Error("a locked version was deleted")
	}
}

func TestBucketWithoutLockIsRefused(t *testing.T) {
	l := dynamotest.OpenWithOtherServices(t)
	client, name := bucket(t, l, false)
	b := auditlog.NewBucket(client, name, types.ObjectLockModeGovernance)
	if _, err := b.Put(context.Background(), "demo/000000000001.ndjson", []byte("x\n"), time.Now().Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "no Object Lock") {
		t.Errorf("got %v", err)
	}
	if files := fetch(t, client, name); len(files) != 0 {
		t.Errorf("%d objects were written", len(files))
	}
}

func TestLockFollowsTheStage(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	entries := []audit.Entry{audittest.Entry(t, "demo", "r")}
	for stage, want := range map[string]struct {
		mode  types.ObjectLockMode
		until string
	}{
		"prod":  {types.ObjectLockModeCompliance, "2056-12-31T16:00:00Z"},
		"cn":    {types.ObjectLockModeCompliance, "2056-12-31T16:00:00Z"},
		"dev":   {types.ObjectLockModeGovernance, "2026-11-23T00:00:00Z"},
		"local": {types.ObjectLockModeGovernance, "2026-11-23T00:00:00Z"},
	} {
		l := auditlog.LockFor(stage, func() time.Time { return now })
		if got := l.Until(entries).UTC().Format(time.RFC3339); l.Mode != want.mode || got != want.until {
			t.Errorf("%s: %s until %s, want %s until %s", stage, l.Mode, got, want.mode, want.until)
		}
	}
}

// sealer notes what it is asked to write and fails for some tenants.
type sealer struct {
	fails   map[string]bool
	written map[string][]string
}

func (s *sealer) Write(_ context.Context, tenant ident.Tenant, entries []audit.Entry) error {
	if s.fails[string(tenant)] {
		return errors.New("away")
	}
	for _, e := range entries {
		s.written[string(tenant)] = append(s.written[string(tenant)], e.Record.ID)
	}
	return nil
}

func message(id, group, body string) events.SQSMessage {
	return events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{"MessageGroupId": group}}
}

func TestQueueAnswersWithWhatWasNotSealed(t *testing.T) {
	body := func(tenant ident.Tenant, id string) string { return string(audittest.Entry(t, tenant, id).Raw) }
	s := &sealer{fails: map[string]bool{"down": true}, written: map[string][]string{}}
	q := auditlog.Queue{Log: quiet(), Sealer: s}
	out, err := q.Handle(context.Background(), events.SQSEvent{Records: []events.SQSMessage{
		message("1", "a", body("a", "r1")), message("2", "down", body("down", "r2")), message("3", "a", `{"id":`), message("4", "a", body("b", "r4")),
		message("5", "b", body("b", "r5")), message("6", "a", body("a", "r6")), message("7", "down", body("down", "r7")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var failed []string
	for _, f := range out.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	slices.Sort(failed)
	if !slices.Equal(failed, []string{"2", "3", "4", "7"}) {
		t.Errorf("failed %v", failed)
	}
	if !slices.Equal(s.written["a"], []string{"r1", "r6"}) || !slices.Equal(s.written["b"], []string{"r5"}) {
		t.Errorf("written %v", s.written)
	}
}

func TestQueueAnswersWithAListWhenAllIsDone(t *testing.T) {
	q := auditlog.Queue{Log: quiet(), Sealer: &sealer{written: map[string][]string{}}}
	out, err := q.Handle(context.Background(), events.SQSEvent{Records: []events.SQSMessage{message("1", "a", string(audittest.Entry(t, "a", "r1").Raw))}})
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := json.Marshal(out); err != nil || string(raw) != `{"batchItemFailures":[]}` {
		t.Errorf("answered %s %v", raw, err)
	}
}

func TestRoutes(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	m := audittest.NewMemory()
	w := audit.Writer{Objects: m, Index: m, Signer: signer(t), Until: audit.RetainUntil, Now: func() time.Time { return now }}
	for _, tenant := range []string{"demo", "other"} {
		if err := w.Write(context.Background(), ident.Tenant(tenant), []audit.Entry{audittest.Entry(t, ident.Tenant(tenant), tenant+"-1"), audittest.Entry(t, ident.Tenant(tenant), tenant+"-2"), audittest.Entry(t, ident.Tenant(tenant), tenant+"-3")}); err != nil {
			t.Fatal(err)
		}
	}
	api := &httpapi.API{Routes: auditlog.Routes(audit.Reader{Objects: m, Index: m}), Clock: clock.FixedAt(now), Log: quiet(),
		Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	call := func(role, path string) events.APIGatewayV2HTTPResponse {
		ev := events.APIGatewayV2HTTPRequest{RawPath: path, RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: "req-1", HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "GET", Path: path},
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{
				"tenant": "demo", "sub": role + "@demo", "roles": role, "exp": fmt.Sprint(now.Add(time.Hour).Unix())}},
		}}
		res := api.AnswerEvent(context.Background(), ev)
		contracttest.CheckEvent(t, ev, res)
		return res
	}
	for _, role := range identity.AllRoles() {
		want := 403
		if role == identity.Auditor || role == identity.Admin {
			want = 200
		}
		for _, path := range []string{"/v1/audit/records/demo-2", "/v1/audit/records/demo-2/proof"} {
			if res := call(string(role), path); res.StatusCode != want {
				t.Errorf("%s as %s: %d", path, role, res.StatusCode)
			}
		}
	}
	for _, path := range []string{"/v1/audit/records/none", "/v1/audit/records/other-1", "/v1/audit/records/other-1/proof"} {
		if res := call("auditor", path); res.StatusCode != 404 {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	var proof audit.Proof
	if err := json.Unmarshal([]byte(call("auditor", "/v1/audit/records/demo-3/proof").Body), &proof); err != nil {
		t.Fatal(err)
	}
	if err := proof.Verify(signer(t).Public()); err != nil || proof.Size != 3 {
		t.Errorf("proof of size %d: %v", proof.Size, err)
	}
}

// twice writes every item two times, as a client does whose first answer was lost.
type twice struct{ auditlog.DynamoDB }

func (c twice) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if _, err := c.DynamoDB.PutItem(ctx, in, o...); err != nil {
		return nil, err
	}
	return c.DynamoDB.PutItem(ctx, in, o...)
}

func TestAnAdvanceWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	tables := dynamotest.OpenInMemory(t)
	index := auditlog.NewIndex(twice{tables.Client}, tables.Control)
	from := audit.Head{Tenant: "a"}
	for n := range 3 {
		to := from
		to.Batch++
		to.Chain[0] = byte(n + 1)
		if moved, err := index.Advance(t.Context(), from, to); err != nil || !moved {
			t.Fatalf("advance %d: %v %v", n, moved, err)
		}
		if moved, err := index.Advance(t.Context(), from, to); err != nil || moved {
			t.Errorf("somebody else moved the chain too: %v", err)
		}
		from = to
	}
}
