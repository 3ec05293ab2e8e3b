package assembly

import (
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/statement/paper"
	"fenzhang/shared/statement/paperdb"
)

// Papers leads the lives of statements and makes them from the real tables; it sets none in type.
func (p *Parts) Papers() *paper.Service {
	ledger := p.Vars.Need("TABLE_LEDGER")
	settlements := p.SettlementStore()
	lines := &incomedb.Store{DB: p.DB, Ledger: ledger, Settlements: p.settlements, NewToken: p.NewID}
	return &paper.Service{
		Builder: paper.Builder{Facts: lines, Settlements: settlements, Directory: p.Directory},
		States:  &paperdb.Store{DB: p.DB, Ledger: ledger, Settlements: p.settlements, Metas: settlements, NewToken: p.NewID},
		Clock:   p.Clock, NewID: p.NewID,
	}
}
