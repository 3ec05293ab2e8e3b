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

// rewardDay is a day of a creator, for which incentives are counted and closed.
type rewardDay struct {
	tenant  ident.Tenant
	creator ident.Creator
	on      civil.Date
}

// storedRewards is what the incentives table holds.
type storedRewards struct {
	events  map[rewardDay][]incentive.Entry
	digests map[string]string          // by tenant and event
	closed  map[rewardDay]money.Amount // cash that was accrued when the day was closed
}

// checkRewards checks promise P6: counters, day closes and accruals are what the recorded events
// add up to.
func (b *Examiner) checkRewards() {
	stored := b.readRewards()
	for _, p := range b.actors.Answered.Events {
		if stored.digests[string(p.Tenant+"/")+p.ID] != p.Digest {
			b.world.ReportBroken("P9", "event %s of %s was answered as recorded and is not there", p.ID,
				p.Tenant)
		}
	}
	b.checkRewardPostings(b.checkRewardDays(stored))
}

// readRewards reads the incentives table.
func (b *Examiner) readRewards() storedRewards {
	out := storedRewards{map[rewardDay][]incentive.Entry{}, map[string]string{},
		map[rewardDay]money.Amount{}}
	for it := range b.world.DB.Items(engine.IncentivesTable) {
		k := keys.Key{PK: dynamo.TextOf(it, "pk"), SK: dynamo.TextOf(it, "sk")}
		tenant, event, isEvent := keys.ParseEventKey(k)
		switch {
		case isEvent:
			out.digests[tenant+"/"+event] = dynamo.TextOf(it, "h")
			seen, err := decodeEvent(it)
			if err != nil {
				b.world.ReportBroken("P6", "event %s: %v", event, err)
				continue
			}
			d := rewardDay{ident.Tenant(tenant), seen.Event.CreatorID, seen.Event.Day()}
			out.events[d] = append(out.events[d], incentive.Entry{EventID: event, Grant: seen.Grant})
		case strings.HasSuffix(k.SK, "#CLOSED"):
			parts := strings.Split(k.PK, "#") // T, tenant, D, day, shard
			creator := ident.Creator(strings.TrimSuffix(k.SK, "#CLOSED"))
			out.closed[rewardDay{ident.Tenant(parts[1]), creator, civil.MustDate(parts[3])}] =
				money.Fen(dynamo.NumberOf(it, "cash"))
		}
	}
	return out
}

// tenantCreator is a creator of a tenant: both tenants have creators of the same ids.
type tenantCreator struct{ tenant, creator string }

// checkRewardDays compares each day's close and counters with its events. It returns the cash that
// each creator has earned by the events.
func (b *Examiner) checkRewardDays(stored storedRewards) map[tenantCreator]money.Amount {
	earned := map[tenantCreator]money.Amount{}
	for d, events := range stored.events {
		want := sumRewards(events)
		who := tenantCreator{string(d.tenant), string(d.creator)}
		earned[who] = earned[who].Add(want)
		if stored.closed[d] != want {
			b.world.ReportBroken("P6", "%s/%s on %s: %s accrued, the events give %s", d.tenant, d.creator,
				d.on, stored.closed[d], want)
		}
		c, err := b.sys.Counters.CountDay(context.Background(), d.tenant, d.creator, d.on)
		if err != nil || c.Cash != want || c.Events != len(events) {
			b.world.ReportBroken("P6",
				"%s/%s on %s: counted %s of %d events, the events give %s of %d (%v)", d.tenant, d.creator,
				d.on, c.Cash, c.Events, want, len(events), err)
		}
		delete(stored.closed, d)
	}
	for d := range stored.closed {
		b.world.ReportBroken("P6", "%s/%s on %s was closed without events", d.tenant, d.creator, d.on)
	}
	return earned
}

// checkRewardPostings compares the journal with the cash that each creator has earned.
func (b *Examiner) checkRewardPostings(earned map[tenantCreator]money.Amount) {
	posted := map[tenantCreator]money.Amount{}
	for _, e := range b.entries {
		if !strings.HasPrefix(e.Reason, "incentives of ") {
			continue
		}
		for _, p := range e.Postings {
			if p.Account == ledger.CreatorAccrued { // credits are negative
				who := tenantCreator{string(e.Tenant), string(e.CreatorID)}
				posted[who] = posted[who].Sub(p.Amount)
			}
		}
	}
	for _, t := range b.actors.Directory.TenantIDs {
		for _, c := range people.CreatorNames() {
			if who := (tenantCreator{t, c}); posted[who] != earned[who] {
				b.world.ReportBroken("P6", "%s/%s: %s posted for incentives, the events give %s", t, c,
					posted[who], earned[who])
			}
		}
	}
}

// sumRewards computes the cash rewards of a day independently of the product: each strategy's
// rewards up to its daily cap.
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

// decodeEvent decodes a stored incentive event.
func decodeEvent(it map[string]types.AttributeValue) (incentive.StreamedEvent, error) {
	seen, ok, err := incentivedb.ParseStreamRecord(streamRecord(it))
	if err == nil && !ok {
		err = fmt.Errorf("item %s is no event", dynamo.TextOf(it, "pk"))
	}
	return seen, err
}

// streamRecord returns an item in the form in which a stream carries it.
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
