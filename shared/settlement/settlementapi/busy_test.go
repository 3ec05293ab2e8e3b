package settlementapi_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/rules"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/settlement/settletest"
)

// busy stands between the SDK and the table: while it is set, every transaction meets trouble, before or after it was
// carried out.
type busy struct {
	inner http.RoundTripper

	mu      sync.Mutex
	trouble func(*http.Request) (*http.Response, error)
	late    bool // the transaction is carried out, only its answer is lost
	left    int  // how many transactions meet it
	tokens  []string
}

func (b *busy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") != "DynamoDB_20120810.TransactWriteItems" {
		return b.inner.RoundTrip(r)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var in struct{ ClientRequestToken string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	b.tokens = append(b.tokens, in.ClientRequestToken)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if b.left == 0 {
		return b.inner.RoundTrip(r)
	}
	b.left--
	if b.late {
		res, err := b.inner.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
	}
	return b.trouble(r)
}

// refuses is an error that DynamoDB answers.
func refuses(status int, name string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + name + `","message":"m"}`
		return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(body)),
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func fails(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func openBusy(t *testing.T) (*site, *busy) {
	t.Helper()
	corpus, err := taxpack.LoadEmbedded()
	calendar, err2 := taxpack.LoadCalendar(rules.NationalPack())
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	b := &busy{inner: http.DefaultTransport.(*http.Transport).Clone()}
	tables := dynamotest.OpenOnLocalAWS(t)
	tables.Client = dynamodb.New(dynamotest.Client(tables.Endpoint).Options(), func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Transport: b}
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
	})
	return over(t, settletest.NewWorld(tables, ruleset.Fixed{Corpus: corpus}, calendar)), b
}

// A busy store is answered with 5003 and Retry-After, after tries that all bear one token; the same request then opens
// one settlement, also where the store had done the work and only its answer was lost.
func TestABusyStoreIsAskedAgainAndThenTheCaller(t *testing.T) {
	s, b := openBusy(t)
	timeout := &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	for name, c := range map[string]struct {
		trouble func(*http.Request) (*http.Response, error)
		late    bool
	}{
		"throttling":             {refuses(400, "ThrottlingException"), false},
		"provisioned":            {refuses(400, "ProvisionedThroughputExceededException"), false},
		"request-limit":          {refuses(400, "RequestLimitExceeded"), false},
		"in-progress":            {refuses(400, "TransactionInProgressException"), false},
		"internal":               {refuses(500, "InternalServerError"), false},
		"internal-after-writing": {refuses(500, "InternalServerError"), true},
		"unavailable":            {refuses(503, "ServiceUnavailable"), false},
		"timeout":                {fails(timeout), false},
		"timeout-after-writing":  {fails(timeout), true},
		"reset":                  {fails(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}), false},
		"reset-after-writing":    {fails(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}), true},
	} {
		settle := func(activity string) (int, map[string]any, string) {
			ev := s.event(as(identity.Operator), "POST", "/v1/incentive/settle", "", map[string]string{"X-Idemp-Key": activity}, settleBody(activity, "10.00"))
			out := s.AnswerEvent(t.Context(), ev)
			var v map[string]any
			if err := json.Unmarshal([]byte(out.Body), &v); err != nil {
				t.Fatal(err)
			}
			return out.StatusCode, v, out.Headers["Retry-After"]
		}
		b.trouble, b.late, b.left, b.tokens = c.trouble, c.late, 4, nil // more than the SDK tries itself
		if status, v, _ := settle(name + "-short"); status != http.StatusCreated || len(b.tokens) != 5 || differ(b.tokens) {
			t.Errorf("%s for a moment: %d %v after tries %v", name, status, v, b.tokens)
		}
		b.left, b.tokens = 1000, nil
		status, v, after := settle(name + "-long")
		if status != http.StatusServiceUnavailable || v["code"] != float64(5003) || after != "1" || len(b.tokens) < 6 || differ(b.tokens) {
			t.Errorf("%s for long: %d %v, Retry-After %q after tries %v", name, status, v, after, b.tokens)
		}
		b.left = 0
		status, v, _ = settle(name + "-long")
		opened := status == http.StatusCreated
		if c.late { // the first request opened it; so soon after, the same one is a duplicate that names it
			opened = status == http.StatusConflict && v["code"] == float64(2003)
		}
		if !opened || v["settlement_id"] == nil {
			t.Errorf("%s is over: %d %v", name, status, v)
		}
	}
}

func differ(tokens []string) bool {
	for _, token := range tokens {
		if token == "" || token != tokens[0] {
			return true
		}
	}
	return false
}
