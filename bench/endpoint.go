package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"fenzhang/shared/dynamo/keys"
)

// endpoint imitates DynamoDB without storing anything: puts succeed, every tenth put fails its
// condition and returns an existing item, and queries return the master data of one tenant.
type endpoint struct {
	server *http.Server
	url    string
	calls  atomic.Int64
	puts   atomic.Int64
	old    sync.Map // by partition key: the stored item that a failed insert found
}

// benchTenant is the tenant of all measured calls.
const benchTenant = "bench"

// newEndpoint starts an imitation of DynamoDB on a free port.
func newEndpoint(ctx context.Context) (*endpoint, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoint{url: "http://" + l.Addr().String()}
	e.server = &http.Server{Handler: e}
	go e.serve(l)
	return e, nil
}

// serve answers requests until the server is closed.
func (e *endpoint) serve(l net.Listener) {
	if err := e.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "bench: the stand-in of DynamoDB ended:", err)
	}
}

// close stops the endpoint; no request is open any more.
func (e *endpoint) close() { _ = e.server.Close() }

// ServeHTTP answers one call of DynamoDB.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e.calls.Add(1)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch operation {
	case "PutItem":
		e.handlePut(w, body)
	case "BatchExecuteStatement":
		e.handleInsert(w, body)
	case "BatchGetItem":
		e.handleRead(w, body)
	case "GetItem": // functions read the list of revoked tokens, which is empty
		writeText(w, "{}")
	case "Query":
		writeText(w, masterAnswer(body))
	default:
		http.Error(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"the `+
			`bench does not answer `+operation+`"}`, http.StatusBadRequest)
	}
}

// writeText writes an answer. When the function has gone, the number of its answers shows it.
func writeText(w io.Writer, format string, parts ...any) {
	if len(parts) > 0 {
		format = fmt.Sprintf(format, parts...)
	}
	_, _ = io.WriteString(w, format)
}

// failsCondition reports true for every tenth put.
func (e *endpoint) failsCondition() bool { return e.puts.Add(1)%10 == 0 }

// handlePut answers a conditional put.
func (e *endpoint) handlePut(w http.ResponseWriter, body []byte) {
	if !e.failsCondition() {
		writeText(w, "{}")
		return
	}
	var in struct{ Item json.RawMessage }
	if json.Unmarshal(body, &in) != nil {
		return
	}
	w.WriteHeader(http.StatusBadRequest)
	writeText(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",`+
		`"message":"The conditional request failed","Item":%s}`, asEarlierWrite(in.Item))
}

// asEarlierWrite changes the id of the write in an item, so that another call seems to have
// written the item.
func asEarlierWrite(item []byte) []byte {
	return bytes.Replace(item, []byte(`"w":{"S":"`), []byte(`"w":{"S":"x`), 1)
}

// statements is the body of BatchExecuteStatement.
type statements struct {
	Statements []struct {
		Statement  string
		Parameters []json.RawMessage
	}
}

// handleInsert answers a batch of inserts; every tenth batch finds all its items stored.
func (e *endpoint) handleInsert(w http.ResponseWriter, body []byte) {
	var in statements
	if json.Unmarshal(body, &in) != nil {
		return
	}
	answer := `{"TableName":"incentives"}`
	if e.failsCondition() {
		answer = `{"TableName":"incentives","Error":{"Code":"DuplicateItem","Message":"Duplicate ` +
			`primary key exists in table"}}`
		// the function reads the stored item next, to compare it with the event
		for _, s := range in.Statements {
			e.storeDuplicate(s.Statement, s.Parameters)
		}
	}
	writeText(w, `{"Responses":[%s]}`,
		strings.TrimSuffix(strings.Repeat(answer+",", len(in.Statements)), ","))
}

// storeDuplicate keeps the item of a failed insert for the read that follows.
func (e *endpoint) storeDuplicate(statement string, parameters []json.RawMessage) {
	var item strings.Builder
	for i, name := range strings.Split(statement, "'")[1:] {
		if i%2 == 0 {
			fmt.Fprintf(&item, `,"%s":%s`, name, parameters[i/2])
		}
	}
	var pk struct{ S string }
	if json.Unmarshal(parameters[0], &pk) == nil {
		e.old.Store(pk.S, asEarlierWrite([]byte("{"+item.String()[1:]+"}")))
	}
}

// handleRead answers with the items of failed inserts.
func (e *endpoint) handleRead(w http.ResponseWriter, body []byte) {
	var in struct {
		RequestItems map[string]struct {
			Keys []struct{ PK struct{ S string } }
		}
	}
	if json.Unmarshal(body, &in) != nil {
		return
	}
	var items []string
	for _, request := range in.RequestItems {
		for _, k := range request.Keys {
			if item, ok := e.old.LoadAndDelete(k.PK.S); ok {
				items = append(items, string(item.([]byte)))
			}
		}
	}
	writeText(w, `{"Responses":{"incentives":[%s]},"UnprocessedKeys":{}}`, strings.Join(items, ","))
}

// masterAnswer answers a query of the tenancy table: one cash strategy, and any creator.
func masterAnswer(body []byte) string {
	var in struct {
		Values map[string]struct{ S string } `json:"ExpressionAttributeValues"`
	}
	if json.Unmarshal(body, &in) != nil {
		return "{}"
	}
	pk := in.Values[":pk"].S
	if pk == keys.MasterList(benchTenant, "merged") { // no taxpayer was merged
		return `{"Count":0,"ScannedCount":0,"Items":[]}`
	}
	doc := `{"creator_id":"` + pk[strings.LastIndexByte(pk, '#')+1:] +
		`","taxpayer_id":"tp-1","nickname":"n","payout":{"method":"douyin","account":"***",` +
		`"holder":"***"},"version":1}`
	if pk == keys.MasterList(benchTenant, "strategy") {
		doc = `{"strategy_id":"st-watch","from":"2020-01-01","version":1,` +
			`"match":{"action_type":"watch_live","platform":"douyin"},"reward":{"kind":"cash",` +
			`"per_unit":"0.05"}}`
	}
	quoted, err := json.Marshal(doc)
	if err != nil {
		return "{}"
	}
	return fmt.Sprintf(
		`{"Count":1,"ScannedCount":1,"Items":[{"pk":{"S":"%s"},"sk":{"S":"V#000001"},"doc":{"S":%s},`+
			`"version":{"N":"1"}}]}`, pk, quoted)
}
