package assembly

import (
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/statement/paper"
	"fenzhang/shared/statement/paperdb"
)

// Papers leads the lives of statements and makes them from the real tables; it sets none in type.
func (p *Parts) Papers() *paper.Service {
	ledger := p.Vars.Need("TABLE_LEDGER")
	settlements := &settlementdb.Store{DB: p.DB, Settlements: p.settlements, Ledger: ledger, Control: p.control, NewToken: p.NewID, Now: p.Clock.Now, Periods: p.Periods()}
	lines := &incomedb.Store{DB: p.DB, Ledger: ledger, Settlements: p.settlements, NewToken: p.NewID}
	return &paper.Service{
		Builder: paper.Builder{Facts: lines, Settlements: settlements, Directory: p.Directory},
		States:  &paperdb.Store{DB: p.DB, Ledger: ledger, Settlements: p.settlements, Metas: settlements, NewToken: p.NewID},
		Clock:   p.Clock, NewID: p.NewID,
	}
}
