package main

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // SQS names the digest of a body by it
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

// object is JSON with its numbers as they are written.
type object = map[string]any

// fill brings a sample up to date: its times are now, ids of what it makes are new, and what must
// be signed or must lie in the running stack is fetched from there. Everything else stays as the
// sample names it.
func (s *stack) fill(ctx context.Context, raw []byte) ([]byte, error) {
	kind, err := trigger.KindOf(raw)
	if err != nil {
		return nil, err
	}
	ev, err := decode(raw)
	if err != nil {
		return nil, err
	}
	switch {
	case ev["identitySource"] != nil:
		err = s.fillAuthorizer(ctx, ev)
	case kind == trigger.HTTP:
		err = s.fillHTTP(ctx, ev)
	case kind == trigger.Queue:
		err = s.eachRecord(ev, s.fillMessage)
	case kind == trigger.Stream:
		err = s.eachRecord(ev, func(r object) error { return s.fillChange(ctx, r) })
	case kind == trigger.Objects:
		err = s.eachRecord(ev, func(r object) error { return s.fillUpload(ctx, r) })
	case kind == trigger.Job:
		ev["time"] = s.now().UTC().Format(time.RFC3339)
	}
	if err != nil {
		return nil, err
	}
	return encode(ev)
}

func decode(raw []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var ev object
	return ev, d.Decode(&ev)
}

func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

// at follows a path of keys; what is not there is an empty object.
func at(v object, path ...string) object {
	for _, key := range path {
		inner, ok := v[key].(object)
		if !ok {
			return object{}
		}
		v = inner
	}
	return v
}

// newID is a new id in lower case; the functions take any text.
func newID() string { return strings.ToLower(rand.Text()) }

func (s *stack) eachRecord(ev object, do func(object) error) error {
	records, _ := ev["Records"].([]any)
	for _, r := range records {
		record, ok := r.(object)
		if !ok {
			return errors.New("a record is no object")
		}
		if err := do(record); err != nil {
			return err
		}
	}
	return nil
}

// stamp sets the time of a gateway's event and gives the call an id of its own.
func (s *stack) stamp(ev object) {
	about := at(ev, "requestContext")
	about["requestId"] = newID()
	about["time"] = s.now().UTC().Format("02/Jan/2006:15:04:05 -0700")
	about["timeEpoch"] = s.now().UnixMilli()
}

// fillAuthorizer signs a token for somebody of finance, as make token does: the sample's own is
// signed by nobody.
func (s *stack) fillAuthorizer(ctx context.Context, ev object) error {
	signer, err := tokens.ForStack(ctx, s.aws, func(name string) string { return s.vars[name] })
	if err != nil {
		return err
	}
	text, err := signer.Sign(tokens.Claims{Tenant: ident.Tenant(s.vars["FENZHANG_TENANT"]),
		Roles: []string{"finance"}})
	if err != nil {
		return err
	}
	s.stamp(ev)
	ev["identitySource"] = []string{"Bearer " + text}
	at(ev, "headers")["authorization"] = "Bearer " + text
	return nil
}

// made are the fields of bodies that name what a call makes: a second call with the same value is a
// repeat.
var made = map[string]bool{"event_id": true, "activity_id": true, "line_id": true}

func (s *stack) fillHTTP(ctx context.Context, ev object) error {
	s.stamp(ev)
	headers := at(ev, "headers")
	if headers["x-idemp-key"] != nil {
		headers["x-idemp-key"] = newID()
	}
	path, _ := ev["rawPath"].(string)
	switch {
	case strings.HasPrefix(path, callbacks):
		return s.fillNotice(ctx, ev, strings.TrimPrefix(path, callbacks))
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
	s.renew(body)
	filled, err := encode(body)
	ev["body"] = string(filled)
	return err
}

// renew gives whatever a body makes a new id, and lets actions happen now: too old ones are
// refused.
func (s *stack) renew(v any) {
	switch v := v.(type) {
	case object:
		for key, value := range v {
			switch {
			case made[key]:
				v[key] = newID()
			case key == "occurred_at":
				v[key] = s.now().UTC().Format(time.RFC3339)
			default:
				s.renew(value)
			}
		}
	case []any:
		for _, item := range v {
			s.renew(item)
		}
	}
}

// fillMessage makes a record of a queue a new message.
func (s *stack) fillMessage(record object) error {
	body, ok := record["body"].(string)
	if !ok {
		return errors.New("a message has no body")
	}
	digest := md5.Sum([]byte(body)) //nolint:gosec // see above
	record["md5OfBody"] = hex.EncodeToString(digest[:])
	record["messageId"] = newID()
	attributes := at(record, "attributes")
	now := strconv.FormatInt(s.now().UnixMilli(), 10)
	attributes["SentTimestamp"] = now
	attributes["ApproximateFirstReceiveTimestamp"] = now
	if attributes["MessageDeduplicationId"] != nil {
		attributes["MessageDeduplicationId"] = newID()
	}
	return nil
}
