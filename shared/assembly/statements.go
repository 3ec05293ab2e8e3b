package assembly

import (
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/statementdb"
)

// StatementService leads the lives of statements and makes them from the real tables; it sets none in type.
func (p *Parts) StatementService() *statement.Service {
	ledger := p.Vars.Need("TABLE_LEDGER")
	settlements := p.SettlementStore()
	lines := &incomedb.Store{DB: p.DB, Ledger: ledger, Settlements: p.settlements, NewToken: p.NewID}
	return &statement.Service{
		Builder: statement.Builder{Facts: lines, Settlements: settlements, Directory: p.Directory},
		States: &statementdb.Store{DB: p.DB, Ledger: ledger, Settlements: p.settlements,
			Metas: settlements, NewToken: p.NewID},
		Clock: p.Clock, NewID: p.NewID,
	}
}
