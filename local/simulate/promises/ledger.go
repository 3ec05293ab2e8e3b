package promises

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/people"
	"fenzhang/shared/books/whereabouts"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
)

// readLedger reads journal entries, income lines and statement buckets, and checks that each entry
// balances (promise P1).
func (b *Examiner) readLedger() {
	for it := range b.world.DB.Items(engine.LedgerTable) {
		pk, sk := dynamo.TextOf(it, "pk"), dynamo.TextOf(it, "sk")
		switch {
		case strings.HasPrefix(sk, keys.EntryPrefix):
			var e ledger.Entry
			if err := json.Unmarshal([]byte(dynamo.TextOf(it, "doc")), &e); err != nil {
				b.world.ReportBroken("P1", "entry %s: %v", sk, err)
				continue
			}
			if err := e.Validate(); err != nil {
				b.world.ReportBroken("P1", "%v", err)
			}
			// an auditor must see why an entry was corrected
			if e.Reverses != "" && e.Reason == "" {
				b.world.ReportBroken("P1", "entry %s corrects without a reason", e.ID)
			}
			b.entries[pk+"/"+e.ID] = e
		case strings.HasPrefix(sk, "L#"):
			b.lines[pk+"/"+sk] = it
		case strings.HasPrefix(sk, keys.BucketPrefix):
			b.buckets[pk+"/"+sk] = it
		}
	}
}

// checkPeriods checks that a sealed month has not changed: the sealed balances are the sums of the
// journal (promise P1).
func (b *Examiner) checkPeriods() {
	month := people.ClosingMonth()
	for _, t := range b.actors.Directory.TenantIDs {
		for _, entity := range []string{people.OrdinaryEntity, people.PlatformEntity} {
			p, err := b.sys.Periods.Store.Period(context.Background(), ident.Tenant(t),
				ident.Entity(entity), month)
			if err != nil || p == nil || p.Seal == nil {
				continue
			}
			sums := b.sumPostings(func(e ledger.Entry) bool {
				return e.Tenant == ident.Tenant(t) && e.Entity == ident.Entity(entity) &&
					!e.Accounting.After(month)
			})
			for _, r := range p.Seal.Balance.Rows {
				if sums[r.Account] != r.Closing {
					b.world.ReportBroken("P1", "%s of %s was sealed with %s of %s, the journal says %s", entity, t,
						r.Closing,
						r.Account, sums[r.Account])
				}
				delete(sums, r.Account)
			}
			for account, sum := range sums {
				if !sum.IsZero() {
					b.world.ReportBroken("P1", "%s of %s was sealed without %s, the journal says %s", entity, t,
						account, sum)
				}
			}
			b.paths["sealed period"]++
		}
	}
}

// sumPostings adds up the postings of some journal entries by account.
func (b *Examiner) sumPostings(isCounted func(ledger.Entry) bool) map[ledger.Account]money.Amount {
	sums := map[ledger.Account]money.Amount{}
	for _, e := range b.entries {
		if !isCounted(e) {
			continue
		}
		for _, p := range e.Postings {
			sums[p.Account] = sums[p.Account].Add(p.Amount)
		}
	}
	return sums
}

// checkLedger runs the product's own ledger check, which must find no difference.
func (b *Examiner) checkLedger() {
	for _, t := range b.actors.Directory.TenantIDs {
		r, err := b.sys.LedgerCheck.CheckPage(context.Background(), ident.Tenant(t), "")
		if err != nil {
			b.world.ReportBroken("ledger", "%s: %v", t, err)
			continue
		}
		if !r.Unexplained.IsZero() || len(r.Differences) > 0 {
			b.world.ReportBroken("ledger", "%s: %s unexplained, first %+v", t, r.Unexplained,
				r.Differences[0])
			for _, id := range slices.Sorted(maps.Keys(b.entries)) {
				if e := b.entries[id]; e.Tenant == ident.Tenant(t) &&
					e.CreatorID == r.Differences[0].CreatorID {
					b.world.Trace.Printf("entry", "%s %s %s %s %v", e.ID, e.Settlement, e.Reason, e.Reverses,
						e.Postings)
				}
			}
		}
	}
}

// checkWhereabouts checks the report “where is my money”: its amounts add up to the stored
// balances, and these to the journal (promises P1 and P2).
func (b *Examiner) checkWhereabouts() {
	if !b.actors.Variants.Whereabouts {
		return
	}
	ctx := context.Background()
	asked := whereabouts.Service{Journal: ledgerdb.Book{DB: b.world.DB, Table: engine.LedgerTable},
		Settlements: b.sys.Store, Viewers: b.sys.Settlements, Statements: b.sys.Statements,
		Creators: b.actors.Directory}
	for _, t := range b.actors.Directory.TenantIDs {
		v, err := asked.LocateTenant(ctx, ident.Tenant(t), "")
		if err != nil || !v.Unexplained.IsZero() {
			b.world.ReportBroken("P2", "where the money of %s is: %s unexplained (%v)", t,
				v.Unexplained, err)
		}
		sums := b.sumPostings(func(e ledger.Entry) bool { return e.Tenant == ident.Tenant(t) })
		for _, a := range v.Ledger {
			if sums[a.Account] != a.Balance || a.Explained != a.Balance {
				b.world.ReportBroken("P1", "%s of %s: balance %s, journal %s, explained %s", a.Account, t,
					a.Balance,
					sums[a.Account], a.Explained)
			}
			delete(sums, a.Account)
		}
		for account, sum := range sums {
			if !sum.IsZero() {
				b.world.ReportBroken("P1", "%s of %s has %s in the journal and no balance", account, t, sum)
			}
		}
		b.paths["asked where"]++
	}
}
