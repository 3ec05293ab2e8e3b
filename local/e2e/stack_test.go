// Package e2e tests the deployed system: the template's functions on a local AWS, called over HTTP, with stand-ins
// for the payment gateways. `make test` brings such a stack up and names its file of settings in FENZHANG_E2E_ENV;
// without that the tests skip.
package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/local/tokens"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/settlement/settlementdb"
)

// environment names the file with the addresses of the stack under test.
const environment = "FENZHANG_E2E_ENV"

// The tenant that has accounts at the payment gateways, and the business date of all tests: a working day of a
// month whose law is known, so that what is tested does not depend on the day of the test.
const (
	mcn   = "demo-mcn"
	today = "2026-10-20"
)

// patience is how long a test waits for what happens behind a queue; the machine may be busy with other things.
const patience = 3 * time.Minute

// stack is the system under test.
type stack struct {
	vars   map[string]string
	aws    aws.Config
	signer tokens.Signer
	http   *http.Client
	store  *settlementdb.Store
	run    string // random, in the ids of this run's objects, so that runs on one stack do not meet

	mu      sync.Mutex
	tokens  map[caller]string
	changed bool // the business date was set
}

var theStack = sync.OnceValues(open)

// use gives the stack, or skips the test and says what is missing.
func use(t *testing.T) *stack {
	t.Helper()
	if os.Getenv(environment) == "" {
		t.Skip("needs a running stack: make test brings one up and sets " + environment)
	}
	s, err := theStack()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv(environment) != "" {
		if s, err := theStack(); err == nil {
			if err := s.clearDate(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

func open() (*stack, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	vars, err := settings(os.Getenv(environment))
	if err != nil {
		return nil, err
	}
	if vars["STAGE"] != "local" || vars["FENZHANG_API_URL"] == "" {
		return nil, fmt.Errorf("%s names no local stack", os.Getenv(environment))
	}
	s := &stack{vars: vars, tokens: map[caller]string{}, run: strings.ToLower(rand.Text()[:6]), http: &http.Client{Timeout: time.Minute},
		aws: aws.Config{Region: vars["AWS_REGION"], BaseEndpoint: aws.String(vars["AWS_ENDPOINT_URL"]),
			Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"], vars["AWS_SECRET_ACCESS_KEY"], "")}}
	s.store = &settlementdb.Store{DB: dynamodb.NewFromConfig(s.aws), Settlements: vars["TABLE_SETTLEMENTS"], Ledger: vars["TABLE_LEDGER"], Control: vars["TABLE_CONTROL"], Now: time.Now}
	if s.signer, err = tokens.ForStack(ctx, s.aws, func(name string) string { return vars[name] }); err != nil {
		return nil, err
	}
	return s, s.setDate(ctx)
}

func settings(path string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			vars[name] = value
		}
	}
	return vars, nil
}

// setDate moves the business date; functions may go on with the one they have read for a second.
func (s *stack) setDate(ctx context.Context) error {
	k := keys.BusinessDate()
	_, err := dynamodb.NewFromConfig(s.aws).PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.vars["TABLE_CONTROL"]), Item: map[string]ddb.AttributeValue{
		"pk": &ddb.AttributeValueMemberS{Value: k.PK}, "sk": &ddb.AttributeValueMemberS{Value: k.SK}, "date": &ddb.AttributeValueMemberS{Value: today}}})
	s.changed = err == nil
	time.Sleep(time.Second)
	return err
}

func (s *stack) clearDate() error {
	if !s.changed {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	k := keys.BusinessDate()
	_, err := dynamodb.NewFromConfig(s.aws).DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(s.vars["TABLE_CONTROL"]),
		Key: map[string]ddb.AttributeValue{"pk": &ddb.AttributeValueMemberS{Value: k.PK}, "sk": &ddb.AttributeValueMemberS{Value: k.SK}}})
	return err
}

// id makes an id of this run.
func (s *stack) id(name string) string { return name + "-" + s.run }

// caller is somebody with a token.
type caller struct {
	tenant  ident.Tenant
	role    identity.Role
	creator ident.Creator
}

// as is a person of the main tenant.
func as(role identity.Role) caller { return caller{tenant: mcn, role: role} }

func (s *stack) token(t testing.TB, c caller) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[c] == "" {
		text, err := s.signer.Sign(tokens.Claims{Tenant: c.tenant, Roles: []string{string(c.role)}, Creator: c.creator})
		if err != nil {
			t.Fatal(err)
		}
		s.tokens[c] = text
	}
	return s.tokens[c]
}

// answer is what came back of a call.
type answer struct {
	status   int
	code     int // of an error body, 0 without one
	reason   string
	replayed bool
	header   http.Header
	body     []byte
}

// call makes a call and holds the answer against the contract. body is sent as JSON unless it is a string.
func (s *stack) call(t testing.TB, c caller, method, path string, body any, header ...string) answer {
	t.Helper()
	return s.send(t, "Bearer "+s.token(t, c), method, path, body, header...)
}

// send is call with any Authorization header; "" sends none.
func (s *stack) send(t testing.TB, authorization, method, path string, body any, header ...string) answer {
	t.Helper()
	req := s.request(t, method, path, body)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	contracttest.CheckAnswer(t, method, path, res.StatusCode, res.Header, raw)
	a := answer{status: res.StatusCode, replayed: res.Header.Get("Idempotency-Replayed") == "true", header: res.Header, body: raw}
	if res.StatusCode >= 400 {
		var refused struct {
			Code   int
			Reason string
		}
		_ = json.Unmarshal(raw, &refused) // the gateway's own refusals have no code
		a.code, a.reason = refused.Code, refused.Reason
	}
	return a
}

func (s *stack) request(t testing.TB, method, path string, body any) *http.Request {
	t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		var err error
		if raw, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.vars["FENZHANG_API_URL"]+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// must is call for what has to work; it decodes the answer into out where that is given.
func (s *stack) must(t testing.TB, c caller, method, path string, body, out any, header ...string) answer {
	t.Helper()
	a := s.call(t, c, method, path, body, header...)
	if a.status >= 300 {
		t.Fatalf("%s %s as %s: %d %s", method, path, c.role, a.status, a.body)
	}
	if out != nil {
		if err := json.Unmarshal(a.body, out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
		}
	}
	return a
}

// refused checks a refusal.
func (a answer) refused(t testing.TB, name string, status, code int, reason string) {
	t.Helper()
	if a.status != status || a.code != code || (reason != "" && a.reason != reason) {
		t.Errorf("%s: %d code %d %s, want %d code %d %s\n%s", name, a.status, a.code, a.reason, status, code, reason, a.body)
	}
}

// eventually waits until done says so; explain tells what is still missing.
func eventually(t testing.TB, what string, done func() bool, explain func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			t.Fatalf("waited %s for %s: %s", patience, what, explain())
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// invoke runs a function by hand, as its schedule does.
func (s *stack) invoke(t testing.TB, function, job string) {
	t.Helper()
	out, err := lambda.NewFromConfig(s.aws).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(s.vars["STACK_NAME"] + "-" + function), Payload: []byte(`{"job":"` + job + `"}`)})
	if err == nil && out.FunctionError != nil {
		err = errors.New(string(out.Payload))
	}
	if err != nil {
		t.Fatalf("%s %s: %v", function, job, err)
	}
}

func (s *stack) sqs() *sqs.Client { return sqs.NewFromConfig(s.aws) }
