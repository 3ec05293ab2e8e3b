// Package publishapi connects the publisher with its triggers: the upload of a manifest to the
// rules bucket, and the direct invocation of the function with an order.
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

// API passes S3 events and operators' orders to the publisher.
type API struct{ Publisher publish.Publisher }

// Triggers returns the handlers of the function's triggers.
func (a API) Triggers() trigger.Mux {
	return trigger.Mux{Objects: a.publishUploads, Order: a.executeOrder}
}

// publishUploads publishes each manifest that the S3 event names. If one fails, Lambda retries the
// event, and after the last try it goes to the dead-letter queue.
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

// executeOrder answers an operator's order. A refusal is an answer and no error, so that the
// invocation is not retried.
func (a API) executeOrder(ctx context.Context, payload json.RawMessage) (any, error) {
	var o publish.Order
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		//nolint:nilerr // a retry would fail in the same way
		return publish.Outcome{Refused: "the request is not understood: " + err.Error()}, nil
	}
	if o.Job == "status" {
		return a.Publisher.Status(ctx, o.Pack)
	}
	return a.Publisher.ExecuteOrder(ctx, o)
}
