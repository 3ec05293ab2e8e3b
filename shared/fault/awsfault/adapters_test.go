package awsfault_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/auditlog"
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/identity/revocation"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/clockdb"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/ruleset/rulesetdb"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/opening/openingdb"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/filedmonth/filedmonthdb"
	"fenzhang/shared/settlement/payoutqueue"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/statementbucket"
	"fenzhang/shared/statement/statementdb"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault/vaultkms"
)

// answers is the network, on which every call meets the same.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// refusing answers every call with an error, in the form of the service that is called.
func refusing(status int, code string) answers {
	return func(r *http.Request) (*http.Response, error) {
		body, kind := `{"__type":"`+code+`","message":"m"}`, "application/x-amz-json-1.0"
		if strings.HasPrefix(r.URL.Path, "/bucket") {
			body, kind = "<Error><Code>"+code+"</Code><Message>m</Message></Error>", "application/xml"
		}
		return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(body)),
			Header: http.Header{"Content-Type": {kind}, "X-Amzn-Errortype": {code}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func failing(cause error) answers {
	return func(*http.Request) (*http.Response, error) { return nil, cause }
}

// adapters calls every adapter of a service of AWS once for each of its calls.
func adapters(cfg aws.Config) map[string]func(context.Context) error {
	db := dynamodb.NewFromConfig(cfg)
	bucket := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	token := func() string { return "token" }
	now := func() time.Time { return time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC) }
	day := civil.MustDate("2026-11-22")
	month := day.Month()
	events, days := incentivedb.NewEvents(db, "incentives"), incentivedb.NewDays(db, "incentives")
	lines := &incomedb.Store{DB: db, Ledger: "ledger", Settlements: "settlements", NewToken: token}
	book := ledgerdb.Book{DB: db, Table: "ledger"}
	opening := &openingdb.Store{DB: db, Ledger: "ledger", Outbox: "settlements", NewToken: token}
	papers := &statementdb.Store{DB: db, Ledger: "ledger", Settlements: "settlements", NewToken: token}
	periods := &perioddb.Store{DB: db, Ledger: "ledger", Settlements: "settlements", NewToken: token}
	claims := &receivabledb.Store{DB: db, Ledger: "ledger", Settlements: "settlements", NewToken: token}
	rules := &rulesetdb.Store{DB: db, Objects: bucket, Bucket: "bucket", Tenancy: "tenancy", Settlements: "settlements"}
	settlements := &settlementdb.Store{DB: db, Settlements: "settlements", Ledger: "ledger", Control: "control", NewToken: token, Now: now}
	filed := &filedmonthdb.Store{DB: db, Ledger: "ledger", Settlements: "settlements", NewToken: token}
	shadows := &settlementdb.Shadows{DB: db, Ledger: "ledger"}
	directory := tenancydb.New(db, "tenancy", "settlements", now)
	index := auditlog.NewIndex(db, "control")
	evidence := auditlog.NewBucket(bucket, "bucket", s3types.ObjectLockModeGovernance)
	files := &statementbucket.Bucket{S3: bucket, Name: "bucket", Font: "font"}
	master := vaultkms.New(kms.NewFromConfig(cfg), "arn:aws:kms:cn-north-1:000000000000:key/k")
	queue := sqs.NewFromConfig(cfg)
	outside := relay.AWS{SQS: queue, Events: eventbridge.NewFromConfig(cfg), URLs: map[relay.Queue]string{relay.Tax: "http://aws/queue"}, Bus: "bus"}
	one := []incentive.Recorded{{Event: incentive.Event{EventID: "e"}, Parked: true}}
	act := settlement.Change{New: settlement.Settlement{Opening: settlement.Opening{ID: "s", Tenant: "t"}, Last: settlement.Act{ID: "a"}}}
	opened := act
	opened.Key = &settlement.KeyRecord{Tenant: "t", Key: "k"}
	return map[string]func(context.Context) error{
		"settlement read":    func(ctx context.Context) error { _, err := settlements.Load(ctx, "t", "s"); return err },
		"settlement written": func(ctx context.Context) error { return settlements.Apply(ctx, act) },
		"settlement opened":  func(ctx context.Context) error { return settlements.Apply(ctx, opened) },
		"settlements by id": func(ctx context.Context) error {
			_, err := settlements.LoadAll(ctx, "t", []ident.Settlement{"s"})
			return err
		},
		"settlements listed": func(ctx context.Context) error {
			_, _, err := settlements.List(ctx, "t", settlement.Query{}, "", 20)
			return err
		},
		"key of a call": func(ctx context.Context) error { return settlements.PutKey(ctx, *opened.Key) },
		"payout key":    func(ctx context.Context) error { return settlements.PutPayoutKey(ctx, "t", "k", "s") },
		"tax rows":      func(ctx context.Context) error { _, err := settlements.TaxRows(ctx, "t", "e", "x", 2026); return err },
		"tax rows joined": func(ctx context.Context) error {
			return settlements.Join(ctx, "t", []settlement.Booking{{Entity: "e", Taxpayer: "x"}})
		},
		"month filed": func(ctx context.Context) error {
			return filed.RecordFiledMonth(ctx, "t", filedmonth.FiledMonth{Month: month})
		},
		"comparison": func(ctx context.Context) error { return shadows.PutComparison(ctx, settlement.Comparison{}) },
		"comparisons": func(ctx context.Context) error {
			_, _, err := shadows.Comparisons(ctx, "t", "p", "1", "", 20)
			return err
		},
		"event": func(ctx context.Context) error { return events.AddEvents(ctx, "t", one)[0].Err },
		"events": func(ctx context.Context) error {
			return events.AddEvents(ctx, "t", append(one, incentive.Recorded{Event: incentive.Event{EventID: "f"}, Parked: true}))[1].Err
		},
		"event parked":   func(ctx context.Context) error { return events.ParkEvents(ctx, "t", []incentive.Event{{EventID: "e"}}) },
		"events waiting": func(ctx context.Context) error { _, _, err := events.ListParked(ctx, "t", "a", ""); return err },
		"event rewarded": func(ctx context.Context) error {
			_, err := events.StoreReward(ctx, "t", "e", incentive.Grant{})
			return err
		},
		"event unparked": func(ctx context.Context) error { return events.UnparkEvent(ctx, "t", incentive.Event{EventID: "e"}) },
		"chunks": func(ctx context.Context) error {
			return days.AddEntries(ctx, map[incentive.CreatorDay][]incentive.Entry{{Tenant: "t", Creator: "c", Day: day}: {{EventID: "e"}}})
		},
		"creator's day": func(ctx context.Context) error {
			_, _, err := days.ReadCreatorDay(ctx, incentive.CreatorDay{Tenant: "t", Creator: "c", Day: day})
			return err
		},
		"closings": func(ctx context.Context) error {
			_, err := days.ReadAccruals(ctx, "t", "c", []civil.Date{day})
			return err
		},
		"day touched":  func(ctx context.Context) error { return days.MarkChanged(ctx, "t", []civil.Date{day}) },
		"day begun":    func(ctx context.Context) error { _, err := days.BeginClose(ctx, "t", day); return err },
		"day finished": func(ctx context.Context) error { return days.FinishClose(ctx, "t", day, 1) },
		"days due":     func(ctx context.Context) error { _, err := days.ListDueDays(ctx, "t", day); return err },
		"day closed":   func(ctx context.Context) error { _, err := days.IsClosed(ctx, "t", day); return err },
		"lines added": func(ctx context.Context) error {
			_, err := lines.AddLines(ctx, income.Addition{Tenant: "t", CreatorID: "c", Lines: []income.Line{{LineID: "l"}}})
			return err
		},
		"bucket": func(ctx context.Context) error {
			_, _, err := lines.ReadBucket(ctx, "t", "c", cycle.Period{Month: month}, "x")
			return err
		},
		"buckets": func(ctx context.Context) error { _, err := lines.ListBuckets(ctx, "t", "c", month, month); return err },
		"bucket carried": func(ctx context.Context) error {
			return lines.CarryForward(ctx, income.Bucket{Tenant: "t", CreatorID: "c"}, income.CarryOrder{})
		},
		"entry":           func(ctx context.Context) error { _, err := book.ReadEntry(ctx, "t", "c", "e"); return err },
		"entries":         func(ctx context.Context) error { _, err := book.Entries(ctx, "t", "c"); return err },
		"page of entries": func(ctx context.Context) error { _, _, err := book.EntriesPage(ctx, "t", "c", "", 20); return err },
		"balances":        func(ctx context.Context) error { _, err := book.Balances(ctx, "t", "c"); return err },
		"book fenced":     func(ctx context.Context) error { return book.FenceBook(ctx, "t", "c", "e", month) },
		"import":          func(ctx context.Context) error { _, err := opening.ReadRecord(ctx, "t", "i"); return err },
		"opening rows": func(ctx context.Context) error {
			return opening.AppendRows(ctx, "t", settlement.Booking{Opening: &settlement.OpeningSource{By: []string{"a", "b"}}})
		},
		"statement": func(ctx context.Context) error {
			_, _, err := papers.ReadState(ctx, "t", "c", statement.Period{Month: month})
			return err
		},
		"statements":        func(ctx context.Context) error { _, err := papers.ListStates(ctx, "t", "c", month, month); return err },
		"statement written": func(ctx context.Context) error { return papers.ApplyChange(ctx, statement.Change{}) },
		"period":            func(ctx context.Context) error { _, err := periods.NewestPeriod(ctx, "t", "e"); return err },
		"periods":           func(ctx context.Context) error { _, err := periods.ListPeriods(ctx, "t", "e"); return err },
		"claim":             func(ctx context.Context) error { _, err := claims.FindByID(ctx, "t", "r"); return err },
		"claims":            func(ctx context.Context) error { _, err := claims.ListOf(ctx, "t", "c", "e"); return err },
		"claim prepared": func(ctx context.Context) error {
			return claims.Prepare(ctx, receivable.Receivable{ID: "r"}, audit.Record{ID: "a"})
		},
		"pointers": func(ctx context.Context) error { _, err := rules.LatestState(ctx); return err },
		"pointers written": func(ctx context.Context) error {
			return rules.ApplyChange(ctx, publish.Write{Change: publish.Change{ID: "c"}})
		},
		"archive": func(ctx context.Context) error { _, err := rules.ReadArchive(ctx, "p", "1"); return err },
		"archive kept": func(ctx context.Context) error {
			_, err := rules.StoreArchive(ctx, "p", "1", []byte("zip"))
			return err
		},
		"versions":   func(ctx context.Context) error { _, err := rules.ListVersions(ctx, "p"); return err },
		"refusal":    func(ctx context.Context) error { return rules.RecordRefusal(ctx, publish.Refusal{ID: "r"}) },
		"creator":    func(ctx context.Context) error { _, err := directory.Creator(ctx, "t", "c"); return err },
		"strategies": func(ctx context.Context) error { _, err := directory.Strategies(ctx, "t"); return err },
		"creators":   func(ctx context.Context) error { _, _, err := directory.Creators(ctx, "t", "", 20); return err },
		"newest version": func(ctx context.Context) error {
			_, _, err := directory.LatestVersion(ctx, "t", "creator", "c")
			return err
		},
		"read of personal data": func(ctx context.Context) error { return directory.RecordRead(ctx, audit.Record{ID: "a"}) },
		"head of the chain":     func(ctx context.Context) error { _, err := index.Head(ctx, "t"); return err },
		"places":                func(ctx context.Context) error { _, err := index.Places(ctx, "t", []string{"a"}); return err },
		"places set":            func(ctx context.Context) error { return index.SetPlaces(ctx, "t", map[string]audit.Place{"a": {}}) },
		"chain advanced":        func(ctx context.Context) error { _, err := index.Advance(ctx, audit.Head{}, audit.Head{}); return err },
		"evidence written":      func(ctx context.Context) error { _, err := evidence.Put(ctx, "o", []byte("x"), now()); return err },
		"evidence read":         func(ctx context.Context) error { _, err := evidence.Get(ctx, "o"); return err },
		"document looked for":   func(ctx context.Context) error { _, err := files.HasFile(ctx, "d"); return err },
		"document written":      func(ctx context.Context) error { return files.PutFile(ctx, "d", statement.PDF, []byte("x")) },
		"font":                  func(ctx context.Context) error { _, err := files.ReadFont(ctx); return err },
		"data key made":         func(ctx context.Context) error { _, _, err := master.New(ctx, "t", "p"); return err },
		"data key unwrapped":    func(ctx context.Context) error { _, err := master.Unwrap(ctx, "t", "p", []byte("k")); return err },
		"secret": func(ctx context.Context) error {
			_, err := awsclient.ReadSecret(ctx, secretsmanager.NewFromConfig(cfg), "arn")
			return err
		},
		"message to book again": func(ctx context.Context) error {
			return payoutqueue.Rebooking{SQS: queue, Queue: "http://aws/queue"}.Rebook(ctx, payout.Payable{}, day)
		},
		"messages of the relay": func(ctx context.Context) error {
			return outside.Send(ctx, []relay.Message{{Queue: relay.Tax, Body: []byte("{}")}})
		},
		"events of the relay": func(ctx context.Context) error {
			return outside.Send(ctx, []relay.Message{{Queue: relay.Bus, Body: []byte("{}")}})
		},
		"record put aside": func(ctx context.Context) error {
			return relay.QuarantineStore{DB: db, Table: "control", Now: now}.Keep(ctx, "t", "r", "w", []byte("{}"))
		},
		"revocations": func(ctx context.Context) error {
			_, err := revocation.New(db, "control", now).IsRevoked(ctx, identity.Principal{Tenant: "t"})
			return err
		},
		"business date": func(ctx context.Context) error {
			c, err := clockdb.New("local", db, "control")
			if err == nil {
				_, err = c.BusinessTime(ctx)
			}
			return err
		},
	}
}

// Whatever passes is the caller's to send again, from every adapter; what does not is ours.
func TestEveryAdapterAsksThisPackage(t *testing.T) {
	for name, c := range map[string]struct {
		network answers
		want    fault.Code
	}{
		"throttled":          {refusing(400, "ThrottlingException"), fault.Unavailable},
		"their error":        {refusing(500, "InternalServerError"), fault.Unavailable},
		"a full service":     {refusing(503, "SlowDown"), fault.Unavailable},
		"a reset connection": {failing(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}), fault.Unavailable},
		"an attempt's end":   {failing(&net.OpError{Op: "read", Net: "tcp", Err: context.DeadlineExceeded}), fault.Unavailable},
		"no permission":      {refusing(403, "AccessDeniedException"), fault.System},
	} {
		cfg := aws.Config{Region: "cn-north-1", BaseEndpoint: aws.String("http://aws"), HTTPClient: &http.Client{Transport: c.network},
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
			Retryer: func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond; o.RateLimiter = unlimited{} })
			}}
		for call, do := range adapters(cfg) {
			if err := do(t.Context()); err == nil || fault.AsError(err).Code != c.want {
				t.Errorf("%s, %s: %v, want %d", name, call, err, c.want)
			}
		}
	}
}

// unlimited lets the SDK make all its attempts.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }
