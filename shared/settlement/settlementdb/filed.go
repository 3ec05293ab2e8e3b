package settlementdb

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

var _ settlement.FilingStore = (*Store)(nil)

// FiledMonths lists the months that a paying entity has filed, oldest first, consistently.
func (s *Store) FiledMonths(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) ([]settlement.FiledMonth, error) {
	items, err := s.query(ctx, s.Ledger, keys.FiledMonths(tenant, entity), "M#")
	if err != nil {
		return nil, err
	}
	out := make([]settlement.FiledMonth, len(items))
	for i, it := range items {
		if out[i], err = DocumentOf[settlement.FiledMonth](it); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// FileMonth records a filed month with its audit record.
func (s *Store) FileMonth(ctx context.Context, tenant ident.Tenant, f settlement.FiledMonth) error {
	it, err := DocumentItem(keys.FiledMonth(tenant, f.Entity, f.Month), f)
	if err != nil {
		return err
	}
	it[attrAct] = dynamo.Text(f.Act)
	told, err := outbox.Put(s.Settlements,
		audit.Record{ID: f.Act, Tenant: tenant, At: f.At, Actor: f.By, Act: "tax.month_filed",
			Object: string(f.Entity+"#") + f.Month.String(),
			What:   []byte(dynamo.TextOf(it, attrDocument)), Retention: "return"}, nil)
	if err != nil {
		return fault.Internal(err)
	}
	return Outcome(dynamo.Transact(ctx, s.DB, s.NewToken(),
		[]types.TransactWriteItem{dynamo.PutNew(s.Ledger, it), told}), f.Act)
}
