package assembly

import (
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/statementdb"
)

// StatementService returns the service that builds statements from the real tables and carries out
// the steps of their life; it has no documents, so it renders nothing.
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
