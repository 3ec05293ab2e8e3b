package promises

import (
	"encoding/json"
	"fenzhang/local/simulate/engine"
	"slices"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
)

// decodeImage turns the image of a stream record into an item.
func decodeImage(image map[string]events.DynamoDBAttributeValue) map[string]types.AttributeValue {
	it := make(map[string]types.AttributeValue, len(image))
	for name, v := range image {
		switch v.DataType() {
		case events.DataTypeString:
			it[name] = &types.AttributeValueMemberS{Value: v.String()}
		case events.DataTypeNumber:
			it[name] = &types.AttributeValueMemberN{Value: v.Number()}
		case events.DataTypeBinary:
			it[name] = &types.AttributeValueMemberB{Value: v.Binary()}
		default: // no other type occurs in the keys and figures that the promises read
		}
	}
	return it
}

// readHistory reads all changes of the settlements table in order, checks each settlement from
// image to image (promise P4), and collects all acts.
func (b *Examiner) readHistory() {
	last := map[string]int{}
	for i, r := range b.world.Streams.History(engine.SettlementsTable) {
		last[r.Change.Keys["pk"].String()+" "+r.Change.Keys["sk"].String()] = i
	}
	for i, r := range b.world.Streams.History(engine.SettlementsTable) {
		it := decodeImage(r.Change.NewImage)
		switch dynamo.TextOf(it, "sk") {
		case "META":
			b.followImage(it, last[dynamo.TextOf(it, "pk")+" "+dynamo.TextOf(it, "sk")] == i)
		case "OUT":
			var rec audit.Record
			if err := json.Unmarshal([]byte(dynamo.TextOf(it, outbox.AuditAttribute)), &rec); err != nil {
				b.world.ReportBroken("P7", "an outbox item cannot be read: %v", err)
				continue
			}
			b.recordAct(rec.Tenant, rec.ID, rec.Act+" of "+rec.Object)
		}
	}
}

// recordAct notes an act. One act may write two settlements when it opens one of them; it never
// writes the same one twice (promise P7).
func (b *Examiner) recordAct(tenant ident.Tenant, id, what string) {
	k := string(tenant+"/") + id
	if b.acts[k] == what {
		b.world.ReportBroken("P7", "act %s was done twice: %s", id, what)
	}
	b.acts[k] = what
}

// followImage compares an image of a settlement with the image before it. It compares the plain
// attributes of every image, and decodes the first, the last and every fifth one.
func (b *Examiner) followImage(it map[string]types.AttributeValue, last bool) {
	tenant, id, _ := keys.ParseSettlementKey(dynamo.TextOf(it, "pk"), "META")
	k := string(tenant+"/") + string(id)
	before, known := b.seen[k]
	now := plainState{revision: dynamo.NumberOf(it, "rev"), version: dynamo.NumberOf(it, "v"),
		status: settlement.Status(dynamo.TextOf(it, "st"))}
	b.seen[k] = now
	b.checkPlainState(k, before, now, known, dynamo.TextOf(it, "act"))
	b.recordAct(tenant, dynamo.TextOf(it, "act"), string("a write of "+id))
	// decoding every image would take most of the time of a run
	if known && !last && now.revision%5 != 0 {
		return
	}
	s, err := settlementdb.DecodeMeta(it)
	if err != nil {
		b.world.ReportBroken("P4", "an image cannot be read: %v", err)
		return
	}
	old, had := b.settlements[k]
	b.settlements[k] = s
	if s.Provisional != nil {
		b.checkPaymentDates(s)
	}
	b.checkDecodedState(k, s, old, had, dynamo.TextOf(it, "act"))
}

// checkPlainState compares the plain attributes of an image with those of the image before: every
// write adds one to the revision, and every change of status adds one to the version (promise P4).
func (b *Examiner) checkPlainState(k string, before, now plainState, known bool, act string) {
	switch {
	case !known && (now.revision != 1 || now.version != 1 || now.status != settlement.PendingReview):
		b.world.ReportBroken("P4", "%s begins as %s, version %d, revision %d", k, now.status, now.version,
			now.revision)
	case !known:
	case now.revision != before.revision+1:
		b.world.ReportBroken("P4", "%s was written over: revision %d after %d, by %s", k, now.revision,
			before.revision, act)
	case now.version != before.version && now.version != before.version+1:
		b.world.ReportBroken("P4", "%s: status_version %d after %d", k, now.version, before.version)
	case (now.version == before.version) != (now.status == before.status):
		b.world.ReportBroken("P4", "%s: %s after %s with status_version %d", k, now.status, before.status,
			now.version)
	}
}

// checkDecodedState compares a decoded settlement with its last decoded image: amounts, shares and
// payout key never change.
func (b *Examiner) checkDecodedState(k string, s, old settlement.Settlement, had bool, act string) {
	switch {
	case s.Last.ID != act:
		b.world.ReportBroken("P7", "%s: two acts %s and %s in one write", k, s.Last.ID,
			act)
	case had && (s.Gross != old.Gross || s.Identity != old.Identity ||
		!slices.EqualFunc(s.Shares, old.Shares, split.Share.Equal)):
		b.world.ReportBroken("P4", "%s: what stands from the opening has changed", k)
	case had && old.Payout != nil && s.Payout != nil && old.Payout.Key != s.Payout.Key:
		b.world.ReportBroken("P3", "%s: its payout key has changed", k)
	}
}

// plainState is the state of a settlement as far as it can be read from plain attributes.
type plainState struct {
	revision, version int64
	status            settlement.Status
}
