package promises

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/people"
	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// checkRewards checks promise P6: counters, day closes and accruals are the fold of the recorded
// events.
func (b *Examiner) checkRewards() {
	type day struct {
		tenant  ident.Tenant
		creator ident.Creator
		on      civil.Date
	}
	entries := map[day][]incentive.Entry{}
	digests := map[string]string{}
	closed := map[day]money.Amount{}
	for it := range b.world.DB.Items(engine.IncentivesTable) {
		k := keys.Key{PK: dynamo.TextOf(it, "pk"), SK: dynamo.TextOf(it, "sk")}
		tenant, event, isEvent := keys.ParseEvent(k)
		switch {
		case isEvent:
			digests[tenant+"/"+event] = dynamo.TextOf(it, "h")
			seen, err := decodeEvent(it)
			if err != nil {
				b.world.ReportBroken("P6", "event %s: %v", event, err)
				continue
			}
			d := day{ident.Tenant(tenant), seen.Event.CreatorID, seen.Event.Day()}
			entries[d] = append(entries[d], incentive.Entry{EventID: event, Grant: seen.Grant})
		case strings.HasSuffix(k.SK, "#CLOSED"):
			parts := strings.Split(k.PK, "#") // T, tenant, D, day, shard
			closed[day{ident.Tenant(parts[1]), ident.Creator(strings.TrimSuffix(k.SK, "#CLOSED")),
				civil.MustDate(parts[3])}] = money.Fen(dynamo.NumberOf(it, "cash"))
		}
	}
	for _, p := range b.actors.Answered.Events {
		if digests[string(p.Tenant+"/")+p.ID] != p.Digest {
			b.world.ReportBroken("P9", "event %s of %s was answered as recorded and is not there", p.ID,
				p.Tenant)
		}
	}
	accrued := map[[2]string]money.Amount{}
	for d, es := range entries {
		want := sumRewards(es)
		accrued[[2]string{string(d.tenant), string(d.creator)}] = accrued[[2]string{string(d.tenant),
			string(d.creator)}].Add(want)
		if closed[d] != want {
			b.world.ReportBroken("P6", "%s/%s on %s: %s accrued, the events give %s", d.tenant,
				d.creator, d.on,
				closed[d], want)
		}
		c, err := b.sys.Counters.CountDay(context.Background(), d.tenant, d.creator, d.on)
		if err != nil || c.Cash != want || c.Events != len(es) {
			b.world.ReportBroken("P6", "%s/%s on %s: counted %s of %d events, the events give %s of %d (%v)",
				d.tenant,
				d.creator, d.on, c.Cash, c.Events, want, len(es), err)
		}
		delete(closed, d)
	}
	for d := range closed {
		b.world.ReportBroken("P6", "%s/%s on %s was closed without events", d.tenant, d.creator, d.on)
	}
	posted := map[[2]string]money.Amount{}
	for _, e := range b.entries {
		if strings.HasPrefix(e.Reason, "incentives of ") {
			for _, p := range e.Postings {
				if p.Account == ledger.CreatorAccrued {
					k := [2]string{string(e.Tenant), string(e.CreatorID)}
					posted[k] = posted[k].Sub(p.Amount)
				}
			}
		}
	}
	for _, t := range b.actors.Directory.TenantIDs {
		for _, c := range people.CreatorNames() {
			if k := [2]string{t, c}; posted[k] != accrued[k] {
				b.world.ReportBroken("P6", "%s/%s: %s posted for incentives, the events give %s", t, c,
					posted[k],
					accrued[k])
			}
		}
	}
}

// sumRewards adds up a day by itself: each strategy's cash up to its cap.
func sumRewards(es []incentive.Entry) money.Amount {
	sums, limits := map[string]int64{}, map[string]int64{}
	for _, e := range es {
		if e.Grant != nil && e.Grant.Kind == incentive.Cash {
			sums[e.Grant.Strategy] += e.Grant.Amount.Fen()
			limits[e.Grant.Strategy] = e.Grant.DailyCap
		}
	}
	var all int64
	for id, n := range sums {
		if limits[id] > 0 {
			n = min(n, limits[id])
		}
		all += n
	}
	return money.Fen(all)
}

func decodeEvent(it map[string]types.AttributeValue) (incentive.StreamedEvent, error) {
	seen, ok, err := incentivedb.ParseStreamRecord(streamRecord(it))
	if err == nil && !ok {
		err = fmt.Errorf("item %s is no event", dynamo.TextOf(it, "pk"))
	}
	return seen, err
}

// streamRecord is an item as the stream carries it.
func streamRecord(it map[string]types.AttributeValue) events.DynamoDBEventRecord {
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
	return r
}
