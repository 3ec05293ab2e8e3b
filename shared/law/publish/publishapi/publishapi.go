// Package publishapi is how packs and orders reach the publisher: by a manifest that is copied into
// the rules bucket, and by invoking the function.
package publishapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/law/publish"
)

// API brings events of the bucket and orders of people to the publisher.
type API struct{ Publisher publish.Publisher }

// Triggers names what starts it.
func (a API) Triggers() trigger.Mux {
	return trigger.Mux{Objects: a.publishUploads, Order: a.executeOrder}
}

// publishUploads takes each manifest that the event names. An error goes to the alarm and, after the retries,
// to the dead-letter queue.
func (a API) publishUploads(ctx context.Context, ev events.S3Event) error {
	var failed []error
	for _, r := range ev.Records {
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err == nil {
			err = a.Publisher.PublishUpload(ctx, key, r.S3.Object.Sequencer)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", r.S3.Object.Key, err))
		}
	}
	return errors.Join(failed...)
}

// executeOrder answers what somebody asks for. A refusal is an answer, not a failure.
func (a API) executeOrder(ctx context.Context, payload json.RawMessage) (any, error) {
	var o publish.Order
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return publish.Outcome{Refused: "the request is not understood: " + err.Error()},
			nil //nolint:nilerr // asking again will not help
	}
	if o.Job == "status" {
		return a.Publisher.Status(ctx, o.Pack)
	}
	return a.Publisher.ExecuteOrder(ctx, o)
}
