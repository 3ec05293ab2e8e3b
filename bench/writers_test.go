package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
)

const (
	writers     = 64
	livesOfEach = 2
)

// ownerKey names, in a context, the creator for whom a call is made.
type ownerKey struct{}

// witness notes every transaction that is written: which items, and for which creator.
type witness struct {
	dynamo.API
	mu                  sync.Mutex
	owners              map[string][]string // item -> creators whose transactions wrote it
	written, conflicted int
}

// TransactWriteItems implements dynamo.API.
func (w *witness) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	out, err := w.API.TransactWriteItems(ctx, in, o...)
	w.mu.Lock()
	defer w.mu.Unlock()
	var cancelled *types.TransactionCanceledException
	var conflict *types.TransactionConflictException
	isConflict := func(r types.CancellationReason) bool { return aws.ToString(r.Code) == "TransactionConflict" }
	if errors.As(err, &conflict) || errors.As(err, &cancelled) && slices.ContainsFunc(cancelled.CancellationReasons, isConflict) {
		w.conflicted++
	}
	if err != nil {
		return out, err
	}
	w.written++
	owner, _ := ctx.Value(ownerKey{}).(string)
	for _, part := range in.TransactItems {
		if k := itemOf(part); !slices.Contains(w.owners[k], owner) {
			w.owners[k] = append(w.owners[k], owner)
		}
	}
	return out, err
}

// itemOf names the item of one part of a transaction. A condition counts too: it conflicts like a write.
func itemOf(part types.TransactWriteItem) string {
	name := func(table *string, it map[string]types.AttributeValue) string {
		return aws.ToString(table) + "/" + it["pk"].(*types.AttributeValueMemberS).Value + "/" + it["sk"].(*types.AttributeValueMemberS).Value
	}
	switch {
	case part.Put != nil:
		return name(part.Put.TableName, part.Put.Item)
	case part.Update != nil:
		return name(part.Update.TableName, part.Update.Key)
	case part.Delete != nil:
		return name(part.Delete.TableName, part.Delete.Key)
	default:
		return name(part.ConditionCheck.TableName, part.ConditionCheck.Key)
	}
}

// TestManyWritersOfOneAgency lets writers settle for creators of one agency at once, each life with all of its steps.
// `make bench` prints its lines.
func TestManyWritersOfOneAgency(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a life for each of many writers")
	}
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		w := &witness{API: l.Client, owners: map[string][]string{}}
		l.Client = w
		a, err := newAgencyMonth(l)
		if err != nil {
			t.Fatal(err)
		}
		var group errgroup.Group
		began := time.Now()
		for writer := range writers {
			group.Go(func() error {
				for life := range livesOfEach {
					creator := creatorName(1 + writer*livesOfEach + life)
					if err := a.playCreatorMonth(context.WithValue(t.Context(), ownerKey{}, creator), ident.Creator(creator)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatalf("a settlement failed: %v", err)
		}
		took := time.Since(began)
		began = time.Now()
		if err := a.trialBalance(t.Context(), writers*livesOfEach); err != nil {
			t.Fatal(err)
		}
		lag := time.Since(began)
		for item, owners := range w.owners {
			if len(owners) > 1 {
				t.Errorf("%s is written for %s", item, strings.Join(owners, ", "))
			}
		}
		share := 100 * float64(w.conflicted) / float64(w.written+w.conflicted)
		store := strings.TrimPrefix(t.Name(), "TestManyWritersOfOneAgency/")
		t.Logf("writers: %s | %d transactions over %d items in %.1f s, none with an item of two creators | %.2f | %.2f", store, w.written, len(w.owners), took.Seconds(), share, lag.Seconds())
		if share > 1 {
			t.Errorf("%.2f%% of the transactions conflicted", share)
		}
	})
}
