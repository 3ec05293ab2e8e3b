package main

import (
	"context"

	"fenzhang/shared/books/whereabouts"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
)

// checkWhere asks where the money is: what is told sums to the balances kept, and these to the
// journal.
func (b *books) checkWhere() {
	if !b.turns.where {
		return
	}
	ctx := context.Background()
	asked := whereabouts.Service{Journal: ledgerdb.Book{DB: b.db, Table: ledgerTable},
		Settlements: b.store, Viewers: b.service, Statements: b.statements, Creators: b.people}
	for _, t := range b.people.tenants {
		v, err := asked.LocateTenant(ctx, ident.Tenant(t), "")
		if err != nil || !v.Unexplained.IsZero() {
			b.broken("P2", "where the money of %s is: %s unexplained (%v)", t, v.Unexplained, err)
		}
		sums := map[ledger.Account]money.Amount{}
		for _, e := range b.entries {
			if e.Tenant != ident.Tenant(t) {
				continue
			}
			for _, p := range e.Postings {
				sums[p.Account] = sums[p.Account].Add(p.Amount)
			}
		}
		for _, a := range v.Ledger {
			if sums[a.Account] != a.Balance || a.Explained != a.Balance {
				b.broken("P1", "%s of %s: balance %s, journal %s, told %s", a.Account, t, a.Balance,
					sums[a.Account], a.Explained)
			}
			delete(sums, a.Account)
		}
		for account, sum := range sums {
			if !sum.IsZero() {
				b.broken("P1", "%s of %s has %s in the journal and no balance", account, t, sum)
			}
		}
		b.paths["asked where"]++
	}
}
