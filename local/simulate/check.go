package main

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
)

// books is everything that a run has left behind, read without the code that wrote it where that is
// possible.
type books struct {
	*world
	settlements map[string]settlement.Settlement // by tenant and id
	// every act that the stream told of -> who did what to what
	acts    map[string]string
	entries map[string]ledger.Entry // by tenant, creator and id
	lines   map[string]map[string]types.AttributeValue
	buckets map[string]map[string]types.AttributeValue
	seen    map[string]clear
	lists   taxLists
	paths   map[string]int
}

// figures reads figures.
func (b *books) figures(s settlement.Settlement, hash string) (settlement.Figures, error) {
	return b.store.Figures(context.Background(), s.Tenant, s.ID, hash)
}

// examine checks all promises of a run that has come to rest, and tells what the money met on its
// way.
func (w *world) examine() map[string]int {
	b := &books{world: w, settlements: map[string]settlement.Settlement{}, acts: map[string]string{},
		entries: map[string]ledger.Entry{},
		lines:   map[string]map[string]types.AttributeValue{},
		buckets: map[string]map[string]types.AttributeValue{}, seen: map[string]clear{},
		paths: map[string]int{}}
	b.readHistory()
	b.readLedger()
	b.readTaxes()
	for _, id := range slices.Sorted(maps.Keys(b.settlements)) {
		b.checkLife(b.settlements[id])
		b.checkSums(b.settlements[id])
		b.checkApprovers(b.settlements[id])
		b.checkDates(b.settlements[id])
		b.checkPaper(b.settlements[id])
		b.checkRejections(b.settlements[id])
		b.note(b.settlements[id])
	}
	b.checkPayments()
	b.checkTaxes()
	b.checkCorrections()
	b.checkAmendments()
	b.checkMerges()
	b.checkWhere()
	b.paths["in one call"] += b.promised.bulk
	b.paths["refused"] += b.tried
	b.checkRewards()
	b.checkAudit()
	b.checkAnswers()
	b.checkStatements()
	b.checkPeriods()
	b.checkLedger()
	return b.paths
}

// note counts what happened to a settlement.
func (b *books) note(s settlement.Settlement) {
	for path, met := range map[string]bool{"set-off": len(s.SetOffs) > 0,
		"automatic": slices.ContainsFunc(s.History, func(m settlement.Move) bool {
			return m.By == "system:review"
		}), "part of a month": s.Part != "", "cancelled": s.ReasonClass == settlement.Cancelled,
		"rejected by a check": rejectedByCheck(s), "several approvers": len(s.Approvals) > 1,
		"invoice": s.Paper != nil, "filed": s.Kept ||
			s.Carries != "", "reopened": s.Source == settlement.SourceReopened,
		"payee": s.Parent != ""} {
		if met {
			b.paths[path]++
		}
	}
}

// rejectedByCheck tells that a check has failed s, and no person.
func rejectedByCheck(s settlement.Settlement) bool {
	return s.ReasonClass == settlement.Rejected && s.History[len(s.History)-1].By == "system:review"
}

// checkRejections checks that a check fails a payable once: what comes again waits for a person.
func (b *books) checkRejections(s settlement.Settlement) {
	if s.Occurrence < 2 || !rejectedByCheck(s) {
		return
	}
	if before, ok := b.settlements[string(s.Tenant+"/")+
		settlement.IDOf(s.Identity, s.Occurrence-1)]; !ok || rejectedByCheck(before) {
		b.broken("stuck", "%s was rejected by a check twice, with nobody looking", s.ID)
	}
}

func number(it map[string]types.AttributeValue, name string) int64 {
	var n int64
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		_ = json.Unmarshal([]byte(v.Value), &n)
	}
	return n
}

// imageOf turns a stream's image into an item.
func imageOf(image map[string]events.DynamoDBAttributeValue) map[string]types.AttributeValue {
	it := make(map[string]types.AttributeValue, len(image))
	for name, v := range image {
		switch v.DataType() {
		case events.DataTypeString:
			it[name] = &types.AttributeValueMemberS{Value: v.String()}
		case events.DataTypeNumber:
			it[name] = &types.AttributeValueMemberN{Value: v.Number()}
		case events.DataTypeBinary:
			it[name] = &types.AttributeValueMemberB{Value: v.Binary()}
		}
	}
	return it
}

// readHistory follows every settlement from image to image (promise P4) and gathers all acts.
func (b *books) readHistory() {
	last := map[string]int{}
	for i, r := range b.streams.all[0].all {
		last[r.Change.Keys["pk"].String()+" "+r.Change.Keys["sk"].String()] = i
	}
	for i, r := range b.streams.all[0].all {
		it := imageOf(r.Change.NewImage)
		switch textOf(it, "sk") {
		case "META":
			b.follow(it, last[keyText(it)] == i)
		case "OUT":
			var rec audit.Record
			if err := json.Unmarshal([]byte(textOf(it, outbox.AuditAttribute)), &rec); err != nil {
				b.broken("P7", "an outbox item cannot be read: %v", err)
				continue
			}
			b.act(rec.Tenant, rec.ID, rec.Act+" of "+rec.Object)
		}
	}
}

// act notes an act. An act may write two settlements, of which one is opened by it; it never writes
// one twice.
func (b *books) act(tenant ident.Tenant, id, what string) {
	k := string(tenant+"/") + id
	if b.acts[k] == what {
		b.broken("P7", "act %s was done twice: %s", id, what)
	}
	b.acts[k] = what
}

// follow holds an image of a settlement against the one before it, by what stands in clear; the
// first and the last one, and now and then one between, are read whole.
func (b *books) follow(it map[string]types.AttributeValue, last bool) {
	tenant, id, _ := keys.SettlementOf(pkOf(it), "META")
	k := string(tenant+"/") + string(id)
	before, known := b.seen[k]
	now := clear{revision: number(it, "rev"), version: number(it, "v"),
		status: settlement.Status(textOf(it, "st"))}
	b.seen[k] = now
	switch {
	case !known && (now.revision != 1 || now.version != 1 || now.status != settlement.PendingReview):
		b.broken("P4", "%s begins as %s, version %d, revision %d", k, now.status, now.version,
			now.revision)
	case !known:
	case now.revision != before.revision+1:
		b.broken("P4", "%s was written over: revision %d after %d, by %s", k, now.revision,
			before.revision, textOf(it, "act"))
	case now.version != before.version && now.version != before.version+1:
		b.broken("P4", "%s: status_version %d after %d", k, now.version, before.version)
	case (now.version == before.version) != (now.status == before.status):
		b.broken("P4", "%s: %s after %s with status_version %d", k, now.status, before.status,
			now.version)
	}
	b.act(tenant, textOf(it, "act"), string("a write of "+id))
	if known && !last && now.revision%5 != 0 {
		return
	}
	s, err := settlementdb.DecodeMeta(it)
	if err != nil {
		b.broken("P4", "an image cannot be read: %v", err)
		return
	}
	old, had := b.settlements[k]
	b.settlements[k] = s
	if s.Provisional != nil {
		b.checkDates(s)
	}
	switch {
	case s.Last.ID != textOf(it, "act"):
		b.broken("P7", "%s: two acts %s and %s in one write", k, s.Last.ID, textOf(it, "act"))
	case had && (s.Gross != old.Gross || s.Identity != old.Identity ||
		!slices.EqualFunc(s.Shares, old.Shares, split.Share.Equal)):
		b.broken("P4", "%s: what stands from the opening has changed", k)
	case had && old.Payout != nil && s.Payout != nil && old.Payout.Key != s.Payout.Key:
		b.broken("P3", "%s: its payout key has changed", k)
	}
}

// clear is what stands in clear in the item of a settlement.
type clear struct {
	revision, version int64
	status            settlement.Status
}

// checkLife checks the history of a settlement (promise P4).
func (b *books) checkLife(s settlement.Settlement) {
	k := string(s.Tenant+"/") + s.ID
	if s.StatusVersion != len(s.History)+1 {
		b.broken("P4", "%s has status_version %d after %d moves", k, s.StatusVersion, len(s.History))
	}
	at := settlement.PendingReview
	seen := map[string]bool{s.OpenedBy: true}
	for _, m := range s.History {
		if m.From != at || !slices.Contains(legal(at), m.To) {
			b.broken("P4", "%s moved from %s to %s", k, at, m.To)
		}
		if seen[m.TransitionID] {
			b.broken("P4", "%s has transition %s twice", k, m.TransitionID)
		}
		if m.To == settlement.Approved && slices.Contains(s.Preparers, m.By) {
			b.broken("P4", "%s was approved by %s, who prepared it", k, m.By)
		}
		seen[m.TransitionID], at = true, m.To
	}
	if s.ID != settlement.IDOf(settlement.Identity(string(s.CreatorID), s.ActivityID, s.TS),
		s.Occurrence) {
		b.broken("P4", "%s is not the settlement of its payable", k)
	}
	if s.Occurrence > 1 {
		before, ok := b.settlements[string(s.Tenant+"/")+settlement.IDOf(s.Identity, s.Occurrence-1)]
		if !ok || (!before.Dead() && before.ReopenedBy != ident.Settlement(s.ID)) {
			b.broken("P3", "%s was opened while the occurrence before it lived", k)
		}
	}
	if !ended(s) {
		b.broken("stuck", "%s stands still as %s, hold %+v, payout %+v", k, s.Status, s.Hold, s.Payout)
	}
}

// checkSums checks promise P2.
func (b *books) checkSums(s settlement.Settlement) {
	k := string(s.Tenant+"/") + s.ID
	var shares, creator, kept money.Amount
	for _, p := range s.Shares {
		shares = shares.Add(p.Amount)
		if p.Kind == split.KindCreator {
			creator = creator.Add(p.Amount)
		}
	}
	if shares != s.Gross {
		b.broken("P2", "%s: shares come to %s of %s", k, shares, s.Gross)
	}
	hash := cmp.Or(s.Booking, s.Quote)
	if hash == "" {
		return
	}
	f, err := b.figures(s, hash)
	if err != nil {
		b.broken("P2", "%s: %v", k, err)
		return
	}
	for _, l := range f.Result.Taxes {
		if l.BorneBy == tax.BorneByCreator {
			kept = kept.Add(l.Amount)
		}
	}
	var off money.Amount
	for _, o := range s.SetOffs {
		off = off.Add(o.Amount)
	}
	if creator != kept.Add(s.Net) && s.Booking != "" && s.Status != settlement.Failed {
		b.broken("P2", "%s: %s is not %s kept back and %s net", k, creator, kept, s.Net)
	}
	if s.Net != off.Add(s.ToPay) || s.Net.Negative() || s.ToPay.Negative() {
		b.broken("P2", "%s: net %s is not set-offs %s and %s to pay", k, s.Net, off, s.ToPay)
	}
}

// checkBeforeSend checks, at the moment an order reaches the gateway, that its key and its send
// were written before.
func (w *world) checkBeforeSend(tenant ident.Tenant, o payout.Order) {
	id, err := (&settlementdb.Store{DB: w.db, Control: controlTable}).SettlementOfKey(
		context.Background(), tenant, o.Key)
	if err != nil {
		w.broken("P3", "key %s was sent before it was written: %v", o.Key, err)
		return
	}
	s, err := (&settlementdb.Store{DB: w.db, Settlements: settlementsTable}).Load(context.Background(),
		tenant, ident.Settlement(id))
	if err != nil || s.Payout == nil || s.Payout.Key != o.Key || s.Payout.State == payout.Created ||
		s.Status == settlement.Approved {
		w.broken("P3", "%s was sent while its settlement says %+v (%v)", o.Key, s.Payout, err)
	}
}

// checkPayments compares the gateways' own books with ours (promise P3).
func (b *books) checkPayments() {
	byKey := map[string]settlement.Settlement{}
	for _, s := range b.settlements {
		if s.Payout != nil {
			byKey[string(s.Tenant+"/")+s.Payout.Key] = s
		}
	}
	type span struct{ from, to int64 }
	paid := map[string][]span{}
	for _, g := range b.gateways {
		for _, key := range g.keys {
			o := g.book[key]
			s, ok := byKey[string(g.tenant+"/")+key]
			if !ok {
				b.broken("P3", "the gateway has order %s of %s, which no settlement knows", key, o.Amount)
				continue
			}
			if len(o.paid) > 1 || o.Amount != s.ToPay {
				b.broken("P3", "%s: paid %d times %s, to pay %s", s.ID, len(o.paid), o.Amount, s.ToPay)
			}
			for i, at := range o.paid {
				until := int64(1) << 62
				if i < len(o.back) {
					until = o.back[i]
				}
				paid[string(s.Tenant+"/")+s.Identity] = append(paid[string(s.Tenant+"/")+s.Identity],
					span{at, until})
			}
			want := map[payout.State]settlement.Status{payout.Paid: settlement.Paid,
				payout.Returned: settlement.Paid, payout.Failed: settlement.Failed,
				payout.Cancelled: settlement.Failed}[o.state]
			if s.Status != want || s.Payout.State != o.state {
				b.broken("P3", "%s/%s is %s %s, the gateway says %s", s.Tenant, s.ID, s.Status, s.Payout.State,
					o.state)
			}
		}
	}
	for payable, spans := range paid {
		slices.SortFunc(spans, func(x, y span) int { return cmp.Compare(x.from, y.from) })
		for i := 1; i < len(spans); i++ {
			if spans[i].from < spans[i-1].to {
				b.broken("P3", "payable %s was paid twice", payable)
			}
		}
	}
	for _, s := range b.settlements {
		if s.Status == settlement.Paid && s.ToPay.Positive() {
			found := false
			for _, g := range b.gateways {
				found = found || (g.tenant == s.Tenant && s.Payout != nil && g.book[s.Payout.Key] != nil)
			}
			if !found {
				b.broken("P3", "%s/%s says it was paid, and no gateway knows", s.Tenant, s.ID)
			}
		}
	}
}

// readLedger sorts the items of the ledger table and checks promise P1.
func (b *books) readLedger() {
	for it := range b.db.Items(ledgerTable) {
		pk, sk := pkOf(it), textOf(it, "sk")
		switch {
		case strings.HasPrefix(sk, keys.EntryPrefix):
			var e ledger.Entry
			if err := json.Unmarshal([]byte(textOf(it, "doc")), &e); err != nil {
				b.broken("P1", "entry %s: %v", sk, err)
				continue
			}
			if err := e.Check(); err != nil {
				b.broken("P1", "%v", err)
			}
			if e.Reverses != "" && e.Reason == "" {
				b.broken("P1", "entry %s corrects without a reason", e.ID)
			}
			b.entries[pk+"/"+e.ID] = e
		case strings.HasPrefix(sk, "L#"):
			b.lines[pk+"/"+sk] = it
		case strings.HasPrefix(sk, keys.BucketPrefix):
			b.buckets[pk+"/"+sk] = it
		}
	}
}

// checkAudit checks promise P7: exactly one record for each act, which says what the journal says.
func (b *books) checkAudit() {
	for _, id := range slices.Sorted(maps.Keys(b.acts)) {
		if _, ok := b.records[id]; !ok {
			b.broken("P7", "act %s (%s) has no audit record", id, b.acts[id])
		}
	}
	hashes := map[string][]string{}
	for _, e := range b.entries {
		act := string(e.Tenant+"/") + actOf(e)
		hashes[act] = append(hashes[act], ledgerdb.Hash(e))
	}
	for _, id := range slices.Sorted(maps.Keys(b.records)) {
		if _, ok := b.acts[id]; !ok {
			b.broken("P7", "record %s tells of an act that was not done", id)
		}
		if r := b.records[id]; r.LedgerHash != "" &&
			!sameSet(hashes[id], strings.Split(r.LedgerHash, ",")) {
			b.broken("P7", "record %s (%s) tells of another journal entry", id, r.Act)
		}
	}
}

// actOf is the act that posted an entry; a correction posts one for each creator and month.
func actOf(e ledger.Entry) string { return strings.TrimSuffix(e.ID, "-"+e.Tax.String()) }

func sameSet(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// checkAnswers checks promise P9: what was answered with 2xx is true.
func (b *books) checkAnswers() {
	for _, p := range b.promised.settled {
		s, ok := b.settlements[string(p.p.tenant+"/")+p.id]
		if !ok || s.Gross != p.amount || s.CreatorID != p.p.creator || s.ActivityID != p.p.activity {
			b.broken("P9", "settle of %s was answered with %s, which is not there or another's",
				p.p.activity, p.id)
		}
	}
	for it := range b.db.Items(controlTable) {
		if sid := textOf(it, "sid"); strings.Contains(pkOf(it), "#IDEM#") {
			if _, ok := b.settlements[tenantOf(pkOf(it))+"/"+sid]; !ok {
				b.broken("P9", "a key is remembered for settlement %s, which is not there", sid)
			}
		}
	}
	for _, p := range b.promised.moved {
		s := b.settlements[string(p.tenant+"/")+p.id]
		if p.version < 1 || p.version > len(s.History)+1 {
			b.broken("P9", "%s of %s was answered with version %d, there are %d", p.act, p.id, p.version,
				len(s.History)+1)
			continue
		}
		if p.version > 1 && s.History[p.version-2].To != p.status {
			b.broken("P9", "%s of %s was answered %s and is %s", p.act, p.id, p.status,
				s.History[p.version-2].To)
		}
		moved := map[string]int{"submit": 1, "approve": 1, "reject": 1}[p.act]
		if p.act == "approve" && p.status == settlement.InReview {
			moved = 0 // another person has to approve it too
			b.checkApproved(s, p)
		}
		if p.act != "cancel" && p.act != "reopen" && p.act != "again" && p.version != p.asked+moved {
			b.broken("P4", "%s of %s on version %d was taken when it had version %d", p.act, p.id, p.asked,
				p.version-moved)
		}
		if moved > 0 && p.version > 1 && s.History[p.version-2].By != p.by {
			b.broken("P9", "%s of %s by %s is told as by %s", p.act, p.id, p.by, s.History[p.version-2].By)
		}
	}
	for _, p := range b.promised.lines {
		period, _, _ := strings.Cut(p.bucket, "#")
		found := false
		for k, it := range b.lines {
			if strings.HasPrefix(k, keys.CreatorBook(p.tenant, p.creator)+"/L#") &&
				strings.HasSuffix(k, "#"+p.incomeType+"#"+p.line) &&
				textOf(it, "b") == period && number(it, "dist") == p.amount.Fen() {
				found = true
			}
		}
		if !found {
			b.broken("P9", "line %s of %s/%s was answered as in %s and is not there", p.line, p.tenant,
				p.creator, p.bucket)
		}
	}
}

// checkStatements checks that each line is in one bucket, and that each bucket was consumed once
// and whole (P6, P9).
func (b *books) checkStatements() {
	type sum struct{ dist, lines int64 }
	sums := map[string]sum{}
	for k, it := range b.lines {
		pk, sk, _ := strings.Cut(k, "/")
		parts := strings.SplitN(sk, "#", 4) // L, month, income type, id
		bucket := pk + "/" + keys.BucketPrefix + textOf(it, "b") + "#" + parts[2]
		s := sums[bucket]
		sums[bucket] = sum{s.dist + number(it, "dist"), s.lines + 1}
	}
	today, consumed := civil.DateOf(b.s.Now()), map[string]bool{}
	for k, it := range b.buckets {
		if got := sums[k]; got.dist != number(it, "dist") || got.lines != number(it, "n") {
			b.broken("P9", "bucket %s holds %d fen of %d lines, its lines come to %d fen of %d", k,
				number(it, "dist"), number(it, "n"), got.dist, got.lines)
		}
		delete(sums, k)
		pk, sk, _ := strings.Cut(k, "/")
		period, _, _ := keys.BucketOf(sk)
		switch st := textOf(it, "st"); {
		case st == string(income.Carried):
			b.paths["carried on"]++
		case st == "settled":
			consumed[tenantOf(pk)+"/"+textOf(it, "sid")] = true
			s, ok := b.settlements[tenantOf(pk)+"/"+textOf(it, "sid")]
			if !ok || s.Gross.Fen() != number(it, "dist") || int64(s.Occurrence) < number(it, "occ") {
				b.broken("P9", "bucket %s was consumed by %s with %s, and holds %d fen", k, textOf(it, "sid"),
					s.Gross, number(it, "dist"))
			}
			if last := b.lastOf(ident.Tenant(tenantOf(pk)), s); ok && last.Dead() &&
				number(it, "live") != 0 {
				b.broken("P9", "bucket %s says that %s stands, which was undone: its lines are never settled",
					k, last.ID)
			}
		case st == "open" && period < today.Month().String() && number(it, "dist") > 0:
			b.broken("stuck", "bucket %s stays open with %d fen", k, number(it, "dist"))
		}
	}
	for k := range sums {
		b.broken("P9", "lines of %s lie in no bucket", k)
	}
	for id, s := range b.settlements {
		if !strings.HasPrefix(s.ActivityID, settlement.StatementPrefix) ||
			s.Source == settlement.SourceReopened || s.Dead() || s.ReopenedBy != "" {
			continue
		}
		if !consumed[id] {
			b.broken("P9", "%s was made of a bucket, and no bucket says so", id)
		}
	}
}

// lastOf is the occurrence that stands for a payable now.
func (b *books) lastOf(tenant ident.Tenant, s settlement.Settlement) settlement.Settlement {
	for next, ok := b.settlements[string(tenant+"/")+string(s.ReopenedBy)]; ok &&
		s.ReopenedBy != ""; next, ok = b.settlements[string(tenant+"/")+string(s.ReopenedBy)] {
		s = next
	}
	return s
}

// checkLedger asks the ledger check of the product: nothing may be unexplained.
func (b *books) checkLedger() {
	for _, t := range b.people.tenants {
		r, err := b.check.CheckPage(context.Background(), ident.Tenant(t), "")
		if err != nil {
			b.broken("ledger", "%s: %v", t, err)
			continue
		}
		if !r.Unexplained.IsZero() || len(r.Differences) > 0 {
			b.broken("ledger", "%s: %s unexplained, first %+v", t, r.Unexplained, r.Differences[0])
			for _, id := range slices.Sorted(maps.Keys(b.entries)) {
				if e := b.entries[id]; e.Tenant == ident.Tenant(t) &&
					e.CreatorID == r.Differences[0].CreatorID {
					b.trace.add("entry", "%s %s %s %s %v", e.ID, e.Settlement, e.Reason, e.Reverses, e.Postings)
				}
			}
		}
	}
}
