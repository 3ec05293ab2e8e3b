package incentivestream

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// agency is the master data of a tenant in which everything is in order.
type agency struct{}

func (agency) Creator(_ context.Context, _ ident.Tenant, creator ident.Creator) (tenancy.Creator, error) {
	return tenancy.Creator{CreatorID: creator}, nil
}

func (agency) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	return []tenancy.Strategy{{Version: tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 3}, StrategyID: "01k1qf3v8e9x6m2c4b7n0p5rst",
		ActionType: "watch_live", Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(5), PerUnit: true}}}, nil
}

func (agency) Tenants(context.Context) ([]string, error) { return []string{"demo"}, nil }

func (agency) ContractsOf(_ context.Context, _ ident.Tenant, creator ident.Creator, _ string, _ civil.Date) ([]tenancy.Contract, error) {
	return []tenancy.Contract{{ContractID: "ct-1", CreatorID: creator, PayingEntity: "ent-1", Routes: map[string]string{income.Incentive: tenancy.MCNPays}}}, nil
}

const (
	dayEvents   = 10_000
	dayCreators = 100
	dayBatch    = 100
)

// TestWriteUnitsOfADay counts the write units of a day of incentives, recorded in batches, accrued by the stream
// in batches of the template's size, and closed. `make bench` prints its lines. Units are counted and not timed,
// so the bound may be a test.
func TestWriteUnitsOfADay(t *testing.T) {
	if testing.Short() {
		t.Skip("records ten thousand events")
	}
	l := dynamotest.Open(t)
	db := l.WithCapacityCounted().Client
	noon := time.Date(2026, 8, 3, 12, 0, 0, 0, civil.Shanghai)
	h := realHandler(db, l, clock.FixedAt(noon.AddDate(0, 0, 1)))
	recorder := &incentive.Recorder{Clock: clock.FixedAt(noon), Directory: agency{}, Events: incentivedb.NewEvents(db, l.Incentives), NewID: ids.NewSource(time.Now)}

	var total float64
	step := func(name string, do func(context.Context) error) {
		t.Helper()
		ctx, tally := usage.WithTally(t.Context())
		if err := do(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := tally.Units().Write / dayEvents
		total += n
		t.Logf("write units: %-24s %6.3f", name, n)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	step("record", func(ctx context.Context) error {
		for from := 0; from < dayEvents; from += dayBatch {
			if err := recordBatch(ctx, recorder, rng, from); err != nil {
				return err
			}
		}
		return nil
	})
	images := recordedImages(t, l)
	rng.Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
	streamBatch := batchSize(t)
	step("accrue", func(ctx context.Context) error {
		for from := 0; from < len(images); from += streamBatch {
			if _, err := h.addBatch(ctx, events.DynamoDBEvent{Records: images[from:min(from+streamBatch, len(images))]}); err != nil {
				return err
			}
		}
		return nil
	})
	step("close the day", func(ctx context.Context) error { return h.Accruer.CloseDueDays(ctx) })
	t.Logf("write units: %-24s %6.3f", "an event in all", total)
	if total > 1.5 {
		t.Errorf("an event takes %.3f write units, more than 1.5", total)
	}
}

func realHandler(db dynamo.API, l dynamotest.Tables, c clock.Clock) Handler {
	log, newID := slog.New(slog.DiscardHandler), ids.NewSource(time.Now)
	stored, days := incentivedb.NewEvents(db, l.Incentives), incentivedb.NewDays(db, l.Incentives)
	return Handler{Quarantine: shelf{}, Log: log, Accruer: &incentive.Accruer{
		Clock: c, Directory: agency{}, Chunks: days, Days: days, Parked: stored, Log: log,
		Accruals: &incomedb.Accruals{Store: &incomedb.Store{DB: db, Ledger: l.Ledger, Settlements: l.Settlements, NewToken: newID},
			Incentives: l.Incentives, Directory: agency{}, NewID: newID},
	}}
}

// recordBatch records a batch of events of random creators, each of some 300 bytes as sent.
func recordBatch(ctx context.Context, r *incentive.Recorder, rng *rand.Rand, from int) error {
	batch := make([]json.RawMessage, dayBatch)
	for i := range batch {
		batch[i] = fmt.Appendf(nil, `{"event_id":"01k1qf3v8e9x6m2c4b%08d","creator_id":"creator-%03d","action_type":"watch_live","occurred_at":"2026-08-03T11:%02d:%02d+08:00",`+
			`"quantity":%d,"platform":"douyin","content_id":"live-%06d","viewer_ref":"viewer-%08d","session_id":"session-%06d"}`,
			from+i, rng.IntN(dayCreators), rng.IntN(60), rng.IntN(60), 1+rng.IntN(20), rng.IntN(1000), rng.IntN(1e8), rng.IntN(1e6))
	}
	results, err := r.RecordEvents(ctx, "demo", batch)
	if err != nil {
		return err
	}
	for _, res := range results {
		if res.Err != nil || res.Repeated {
			return fmt.Errorf("event %s: repeated %v, %w", res.EventID, res.Repeated, res.Err)
		}
	}
	return nil
}

// recordedImages gives every item of the table as the stream would carry it.
func recordedImages(t *testing.T, l dynamotest.Tables) []events.DynamoDBEventRecord {
	t.Helper()
	var out []events.DynamoDBEventRecord
	for _, it := range l.ReadTable(t, l.Incentives) {
		var r events.DynamoDBEventRecord
		r.Change.NewImage = map[string]events.DynamoDBAttributeValue{}
		for name, v := range it {
			switch v := v.(type) {
			case *types.AttributeValueMemberS:
				r.Change.NewImage[name] = events.NewStringAttribute(v.Value)
			case *types.AttributeValueMemberN:
				r.Change.NewImage[name] = events.NewNumberAttribute(v.Value)
			}
		}
		out = append(out, r)
	}
	if len(out) != dayEvents {
		t.Fatalf("%d events are stored, want %d", len(out), dayEvents)
	}
	return out
}

// batchSize is that of the stream mapping in the template.
func batchSize(t *testing.T) int {
	t.Helper()
	template, err := os.ReadFile("../../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?s)\n  AccrueIncentive:\n.*?BatchSize: (\d+)`).FindSubmatch(template)
	if m == nil {
		t.Fatal("the template names no batch size for accrue-incentive")
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
