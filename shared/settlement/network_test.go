package settlement_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/rules"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/settlement/settletest"
)

// fate is what happens to one write on its way.
type fate string

const (
	answerLost   fate = "the answer is lost"           // the write stands, the connection breaks, the SDK tries again
	serverError  fate = "the answer is a server error" // the write stands, the answer says otherwise, the SDK tries again
	throttled    fate = "the table throttles"          // nothing is written, the SDK tries again
	killedAfter  fate = "killed after the write"       // the write stands, the process ends before it knows
	killedBefore fate = "killed before the write"      // nothing is written, the process ends
)

var fates = []fate{answerLost, serverError, throttled, killedAfter, killedBefore}

// deadly tells that the process does not survive its fate.
func (f fate) deadly() bool { return f == killedAfter || f == killedBefore }

// network stands between the SDK and the table and lets one write meet its fate.
type network struct {
	inner http.RoundTripper

	mu     sync.Mutex
	fate   fate
	at     int // number of the write, from 1; 0 for none
	writes int
	kill   context.CancelFunc
	met    bool
}

// process runs act as a function would: with write number at of it meeting a fate. It tells how many writes were
// tried and whether the fate was met.
func (n *network) process(f fate, at int, act func(context.Context) error) (writes int, met bool, err error) {
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	n.mu.Lock()
	n.fate, n.at, n.writes, n.kill, n.met = f, at, 0, kill, false
	n.mu.Unlock()
	err = act(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at = 0
	return n.writes, n.met, err
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch operation {
	case "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems":
	default:
		return n.inner.RoundTrip(r)
	}
	n.mu.Lock()
	n.writes++
	struck := n.at == n.writes
	n.met = n.met || struck
	n.mu.Unlock()
	if !struck {
		return n.inner.RoundTrip(r)
	}
	return n.strike(r)
}

func (n *network) strike(r *http.Request) (*http.Response, error) {
	switch n.fate {
	case throttled:
		return refusal(r, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}`), nil
	case killedBefore:
		n.kill()
		return nil, context.Canceled
	default: // the call reaches the server
	}
	res, err := n.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return nil, err
	}
	switch n.fate {
	case killedAfter:
		n.kill()
		return nil, context.Canceled
	case serverError:
		return refusal(r, http.StatusInternalServerError, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oh"}`), nil
	default: // the answer is lost
	}
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

func refusal(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// openFaulty is a world whose tables are reached through a network that can fail.
func openFaulty(t *testing.T) (*settletest.World, *network) {
	t.Helper()
	corpus, err := taxpack.LoadEmbedded()
	calendar, err2 := taxpack.LoadCalendar(rules.NationalPack())
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	n := &network{inner: http.DefaultTransport.(*http.Transport).Clone()}
	tables := dynamotest.OpenOnLocalAWS(t)
	tables.Client = dynamodb.New(dynamotest.Client(tables.Endpoint).Options(), func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Transport: n}
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 5 * time.Millisecond })
	})
	return settletest.NewWorld(tables, ruleset.Fixed{Corpus: corpus}, calendar), n
}
