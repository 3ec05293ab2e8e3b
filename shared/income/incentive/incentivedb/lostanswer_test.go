package incentivedb

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/lambda/dynamotest"
)

// losingAnswers carries every write to the table and loses the first answer to each operation on the way back.
type losingAnswers struct {
	mu   sync.Mutex
	lost map[string]bool
}

var errReset = errors.New("connection reset by peer")

func (l *losingAnswers) Do(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultClient.Do(r)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.lost[operation] {
		return res, err
	}
	l.lost[operation] = true
	res.Body.Close()
	return nil, errReset
}

// P9: the SDK tries again after a lost answer, meets its own write, and that is success, not a repeat.
func TestOwnWriteIsRecognisedAfterALostAnswer(t *testing.T) {
	l := dynamotest.OpenOnLocalAWS(t)
	options := dynamotest.Client(l.Endpoint).Options()
	lossy := &losingAnswers{lost: map[string]bool{}}
	options.HTTPClient = lossy
	store := NewEvents(dynamodb.New(options), l.Incentives)
	for _, n := range []int{1, 30} { // one put, and batches
		events := samples(n)
		for i := range events {
			events[i].EventID = "lost-" + events[i].EventID + "-" + string(rune('a'+n))
			events[i].WriteID = "call-of-this-test"
		}
		for i, got := range store.AddEvents(t.Context(), "demo", events) {
			if got.Err != nil || !incentivetest.SameRecorded(got.First, events[i]) {
				t.Errorf("%s: kept %+v (%v)", events[i].EventID, got.First, got.Err)
			}
		}
	}
	if !lossy.lost["PutItem"] || !lossy.lost["BatchExecuteStatement"] {
		t.Errorf("lost answers to %v only", lossy.lost)
	}
}
