// Package clockdb reads the business date that a local stack sets to move through past months.
// Every other stage has the real clock only and refuses to start when somebody tries to set it.
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

// Variable is the environment variable that asks for a settable business date. It may be set on a
// local stack, where it changes nothing, and stops every other stage from starting.
const Variable = "BUSINESS_CLOCK"

// Attribute holds the date, YYYY-MM-DD, in the item keys.BusinessDate of the control table; an
// absent item or an empty text means the real date.
const Attribute = "date"

// maxAge is how long a read date is used again: the local stack moves it between steps, not within
// one.
const maxAge = time.Second

// Reader is the part of the DynamoDB client that is needed.
type Reader interface {
	GetItem(context.Context, *dynamodb.GetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
}

// New gives the clock of a stage. table is the control table; it is read on a local stack only.
func New(stage string, client Reader, table string) (clock.Clock, error) {
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

// storedDate is the set business date, as last read.
type storedDate struct {
	client Reader
	table  string
	now    func() time.Time

	mu   sync.Mutex // held over the read, so that callers at once ask once
	day  civil.Date
	till time.Time
}

func (d *storedDate) current(ctx context.Context) (civil.Date, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if now.Before(d.till) {
		return d.day, nil
	}
	day, err := d.fetch(ctx)
	if err != nil {
		return civil.Date{}, fmt.Errorf("clockdb: %w", err)
	}
	d.day, d.till = day, now.Add(maxAge)
	return day, nil
}

func (d *storedDate) fetch(ctx context.Context) (civil.Date, error) {
	k := keys.BusinessDate()
	out, err := d.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &d.table, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK},
			"sk": &types.AttributeValueMemberS{Value: k.SK}},
	})
	if err != nil {
		return civil.Date{}, awsfault.Of(err)
	}
	text, ok := out.Item[Attribute].(*types.AttributeValueMemberS)
	if !ok || text.Value == "" {
		return civil.Date{}, nil
	}
	return civil.ParseDate(text.Value)
}
