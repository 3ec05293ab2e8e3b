// Package clockdb reads the business date that was set on a local stack, where tests and the demo
// move through past months. Every other stage has the real clock only, and its functions refuse to
// start when somebody tries to set a date.
package clockdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault/awsfault"
)

// StageLocal is the only stage on which the business date can be set.
const StageLocal = "local"

// Variable is the environment variable that requests a settable business date. Variable may be set
// on a local stack, where it changes nothing; on every other stage New fails when it is set.
const Variable = "BUSINESS_CLOCK"

// Attribute is the attribute with the date, YYYY-MM-DD, of the item keys.BusinessDate in the
// control table. A missing item or an empty text means the real date.
const Attribute = "date"

// maxAge is how long a date is used before it is read again. The local stack changes the date
// between the steps of a demo, never within a step.
const maxAge = time.Second

// Reader is the call of the DynamoDB client that reads one item.
type Reader interface {
	GetItem(context.Context, *dynamodb.GetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// New returns the clock of a stage. On a local stack the clock reads the business date from the
// control table, whose name is table.
//
// Errors: when Variable is set on another stage.
func New(stage string, client Reader, table string) (clock.Clock, error) {
	// with a settable date, a real stage could book taxes into a wrong period
	if stage != StageLocal {
		if os.Getenv(Variable) != "" {
			return clock.Clock{},
				errors.New("clockdb: " + Variable +
					" is set, but the business date can be set with stage local only")
		}
		return clock.Real(), nil
	}
	d := &storedDate{client: client, table: table, now: time.Now}
	return clock.Clock{Now: time.Now, Override: d.current}, nil
}

// storedDate caches the business date of the control table.
type storedDate struct {
	client Reader
	table  string
	now    func() time.Time

	// mu is held during the read, so that several callers at the same time cause one read.
	mu   sync.Mutex
	day  civil.Date
	till time.Time
}

// current returns the business date, at most maxAge old; the zero date when none is set.
func (d *storedDate) current(ctx context.Context) (civil.Date, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if now.Before(d.till) {
		return d.day, nil
	}
	day, err := d.readDate(ctx)
	if err != nil {
		return civil.Date{}, fmt.Errorf("clockdb: %w", err)
	}
	d.day, d.till = day, now.Add(maxAge)
	return day, nil
}

// readDate reads the business date from the control table.
func (d *storedDate) readDate(ctx context.Context) (civil.Date, error) {
	k := keys.BusinessDate()
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &d.table, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK},
			"sk": &types.AttributeValueMemberS{Value: k.SK}},
	})
	if err != nil {
		return civil.Date{}, awsfault.Classify(err)
	}
	text, ok := out.Item[Attribute].(*types.AttributeValueMemberS)
	// nobody has set a date, so the real one applies
	if !ok || text.Value == "" {
		return civil.Date{}, nil
	}
	return civil.ParseDate(text.Value)
}
