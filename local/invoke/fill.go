package main

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // SQS uses MD5 for the digest of a message body
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fenzhang/local/tokens"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/trigger"
)

// jsonObject is a decoded JSON object; its numbers keep their text.
type jsonObject = map[string]any

// fillSample replaces in a sample event what is valid only at one time or in one stack: times, ids
// of new objects, signatures, and references to stored items. It leaves every other field of the
// sample unchanged.
func (s *stack) fillSample(ctx context.Context, raw []byte) ([]byte, error) {
	kind, err := trigger.KindOf(raw)
	if err != nil {
		return nil, err
	}
	ev, err := decode(raw)
	if err != nil {
		return nil, err
	}
	switch {
	// only events of the authorizer have an identity source
	case ev["identitySource"] != nil:
		err = s.fillAuthorizer(ctx, ev)
	case kind == trigger.HTTP:
		err = s.fillHTTP(ctx, ev)
	case kind == trigger.Queue:
		err = s.eachRecord(ev, s.fillMessage)
	case kind == trigger.Stream:
		err = s.eachRecord(ev, func(r jsonObject) error { return s.fillStreamRecord(ctx, r) })
	case kind == trigger.Objects:
		err = s.eachRecord(ev, func(r jsonObject) error { return s.fillUpload(ctx, r) })
	case kind == trigger.Job:
		ev["time"] = s.now().UTC().Format(time.RFC3339)
	}
	if err != nil {
		return nil, err
	}
	return encode(ev)
}

// decode decodes a JSON object and keeps the text of its numbers.
func decode(raw []byte) (jsonObject, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var ev jsonObject
	return ev, d.Decode(&ev)
}

// encode encodes a value as JSON without escaping HTML.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

// child follows a path of keys in a JSON object and returns an empty object when a key is missing.
func child(v jsonObject, path ...string) jsonObject {
	for _, key := range path {
		inner, ok := v[key].(jsonObject)
		if !ok {
			return jsonObject{}
		}
		v = inner
	}
	return v
}

// newID returns a new random id in lower case.
func newID() string { return strings.ToLower(rand.Text()) }

// eachRecord calls a function for every record of an event.
func (s *stack) eachRecord(ev jsonObject, do func(jsonObject) error) error {
	records, _ := ev["Records"].([]any)
	for _, r := range records {
		record, ok := r.(jsonObject)
		if !ok {
			return errors.New("a record is no object")
		}
		if err := do(record); err != nil {
			return err
		}
	}
	return nil
}

// setRequestTime sets the time and a new request id in an event of API Gateway.
func (s *stack) setRequestTime(ev jsonObject) {
	about := child(ev, "requestContext")
	about["requestId"] = newID()
	about["time"] = s.now().UTC().Format("02/Jan/2006:15:04:05 -0700")
	about["timeEpoch"] = s.now().UnixMilli()
}

// fillAuthorizer puts a signed token of a finance person into an authorizer event: the token in
// the sample has no valid signature.
func (s *stack) fillAuthorizer(ctx context.Context, ev jsonObject) error {
	signer, err := tokens.ForStack(ctx, s.aws, func(name string) string { return s.vars[name] })
	if err != nil {
		return err
	}
	text, err := signer.Sign(tokens.Claims{Tenant: ident.Tenant(s.vars["FENZHANG_TENANT"]),
		Roles: []string{"finance"}})
	if err != nil {
		return err
	}
	s.setRequestTime(ev)
	ev["identitySource"] = []string{"Bearer " + text}
	child(ev, "headers")["authorization"] = "Bearer " + text
	return nil
}

// createdIDFields are the fields of request bodies that name the object to create; a second call
// with the same value would be a repeat.
var createdIDFields = map[string]bool{"event_id": true, "activity_id": true, "line_id": true}

// fillHTTP brings an HTTP event up to date.
func (s *stack) fillHTTP(ctx context.Context, ev jsonObject) error {
	s.setRequestTime(ev)
	headers := child(ev, "headers")
	// the same key would only repeat the first answer
	if headers["x-idemp-key"] != nil {
		headers["x-idemp-key"] = newID()
	}
	path, _ := ev["rawPath"].(string)
	switch {
	case strings.HasPrefix(path, callbacks):
		return s.fillPaymentNotice(ctx, ev, strings.TrimPrefix(path, callbacks))
	case strings.HasPrefix(path, auditRecords):
		return s.fillAuditRecord(ctx, ev)
	}
	text, _ := ev["body"].(string)
	if text == "" {
		return nil
	}
	body, err := decode([]byte(text))
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	s.renewIDs(body)
	filled, err := encode(body)
	ev["body"] = string(filled)
	return err
}

// renewIDs gives the objects that a body creates new ids, and sets the time of events to now,
// because old events are refused.
func (s *stack) renewIDs(v any) {
	switch v := v.(type) {
	case jsonObject:
		for key, value := range v {
			switch {
			case createdIDFields[key]:
				v[key] = newID()
			case key == "occurred_at":
				v[key] = s.now().UTC().Format(time.RFC3339)
			default:
				s.renewIDs(value)
			}
		}
	case []any:
		for _, item := range v {
			s.renewIDs(item)
		}
	}
}

// fillMessage turns a record of a queue into a new message.
func (s *stack) fillMessage(record jsonObject) error {
	body, ok := record["body"].(string)
	if !ok {
		return errors.New("a message has no body")
	}
	digest := md5.Sum([]byte(body)) //nolint:gosec // see above
	record["md5OfBody"] = hex.EncodeToString(digest[:])
	record["messageId"] = newID()
	attributes := child(record, "attributes")
	now := strconv.FormatInt(s.now().UnixMilli(), 10)
	attributes["SentTimestamp"] = now
	attributes["ApproximateFirstReceiveTimestamp"] = now
	// the queue would drop a message with a known id
	if attributes["MessageDeduplicationId"] != nil {
		attributes["MessageDeduplicationId"] = newID()
	}
	return nil
}
