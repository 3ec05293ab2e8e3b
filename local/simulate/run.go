package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
)

// outcome is what a run came to.
type outcome struct {
	seed        uint64
	breaks      []string
	settlements int
	deliveries  int
	payouts     int
	acts        int
	months      int
	writes      int
	faults      map[string]int
	paths       map[string]int // what the money met on its way
	digest      uint64
}

// The least that a run must hold.
const (
	leastSettlements = 30
	leastDeliveries  = 300
	leastFaults      = 20
)

// simulate plays one seed.
func simulate(seed uint64, l law, p plant, out io.Writer) (outcome, error) {
	w, err := newWorld(seed, l, p, out)
	if err != nil {
		return outcome{}, err
	}
	defer w.s.dismiss()
	w.begin()
	w.s.run(w.plan.end)
	w.faults.over = true
	w.trace.add("calm", "the trouble is over: %d faults", w.faults.total())
	w.fill(leastSettlements)
	w.settleDown("the sweeps")
	w.checkNobodyWaits()
	n := w.streams.replay()
	for _, name := range []relay.Queue{relay.Tax, relay.Settle, relay.Payout, relay.Audit} {
		n += w.queues[name].redrive()
	}
	w.trace.add("calm", "%d records and dead letters are read again", n)
	before := w.streams.written()
	w.askAgain()
	w.s.run(time.Unix(0, w.s.now).Add(time.Hour))
	if before != w.streams.written() || !w.idle() {
		w.settleDown("what was given up")
	}
	paths := w.examine()
	o := outcome{seed: seed, paths: paths, deliveries: w.delivered, acts: w.acts,
		faults: w.faults.counted, writes: w.streams.written(),
		months: civil.DateOf(time.Unix(0, w.s.now)).Month().Sub(civil.DateOf(w.plan.start).Month())}
	for it := range w.db.Items(settlementsTable) {
		if textOf(it, "sk") == "META" {
			o.settlements++
		}
	}
	for _, g := range w.gateways {
		o.payouts += len(g.keys)
	}
	if o.settlements < leastSettlements || o.deliveries < leastDeliveries ||
		w.faults.total() < leastFaults || o.months < 1 {
		w.broken("simulator",
			"too little happened: %d settlements, %d deliveries, %d faults, %d month ends", o.settlements,
			o.deliveries, w.faults.total(), o.months)
	}
	o.breaks, o.digest = w.breaks, w.trace.digest
	return o, nil
}

// quietRounds is how many rounds without any write are rest.
const quietRounds = 3

// settleDown lets people, schedules and sweeps go on without trouble until nothing moves any more.
func (w *world) settleDown(after string) {
	quiet := 0
	for round := range 60 {
		before := w.streams.written()
		switch round % 3 { // whoever looks once in three rounds has looked before there is rest
		case 0:
			for _, t := range w.people.tenants {
				w.office(ident.Tenant(t))
			}
		case 1:
			w.sweep()
			w.sweepPayouts()
		case 2:
			w.job("close-days", func(ctx context.Context) error { return w.accruer.CloseDueDays(ctx) }, 1)
			w.s.after(5*time.Minute, w.night)
		}
		w.s.run(time.Unix(0, w.s.now).Add(time.Duration(1+round) * 15 * time.Minute))
		if before != w.streams.written() || !w.streams.idle() || !w.idle() || len(w.s.heap) > 0 {
			quiet = 0
			continue
		}
		if quiet++; quiet == quietRounds {
			return
		}
	}
	w.broken("stuck", "no rest after %s", after)
}

func (w *world) idle() bool {
	for _, q := range w.queues {
		if !q.idle() {
			return false
		}
	}
	return w.s.open == 0
}

// checkNobodyWaits checks that the sweeps have mended what lost stream records held up.
func (w *world) checkNobodyWaits() {
	for _, t := range w.people.tenants {
		err := w.service.Each(context.Background(), ident.Tenant(t),
			settlement.Query{From: civil.MustDate("2026-08-27")}, func(s settlement.Settlement) error {
				if !ended(s) {
					w.broken("stuck", "%s/%s is %s, hold %+v, payout %+v, although the sweeps have run", t, s.ID,
						s.Status, s.Hold, s.Payout)
				}
				return nil
			})
		if err != nil {
			w.broken("simulator", "%v", err)
		}
	}
}

// askAgain repeats every settle call that was answered: the first answer must come again.
func (w *world) askAgain() {
	for _, p := range w.promised.settled {
		body := fmt.Sprintf(`{"user_id":%q,"activity_id":%q,"ts":%d,"amount":%q,"income_type":%q}`,
			p.p.creator, p.p.activity, p.p.ts, p.amount, p.p.incomeType)
		var res events.APIGatewayV2HTTPResponse
		w.s.begin(w.task("settle-again", p.p.tenant), func(ctx context.Context) {
			res = w.post(ctx, w.api, caller{p.p.tenant, "operator"}, "/v1/incentive/settle", p.key, body)
		}, func(bool) {
			if res.StatusCode != http.StatusCreated || res.Headers["Idempotency-Replayed"] != "true" ||
				!strings.Contains(res.Body, p.id) {
				w.broken("P9", "settle of %s was answered with %s; asked again, it is %d %s", p.p.activity,
					p.id, res.StatusCode, res.Body)
			}
		})
		w.s.run(time.Unix(0, w.s.now).Add(100 * time.Millisecond))
	}
}

// recordOf is an item as the stream carries it.
func recordOf(it map[string]types.AttributeValue) events.DynamoDBEventRecord {
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
