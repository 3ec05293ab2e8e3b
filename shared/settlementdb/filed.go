package settlementdb

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/fault"
	"fenzhang/shared/keys"
	"fenzhang/shared/outbox"
	"fenzhang/shared/settlement"
	"fenzhang/shared/transact"
)

var _ settlement.FilingStore = (*Store)(nil)

// FiledMonths lists the months that a paying entity has filed, oldest first, consistently.
func (s *Store) FiledMonths(ctx context.Context, tenant, entity string) ([]settlement.FiledMonth, error) {
	items, err := s.query(ctx, s.Ledger, keys.FiledMonths(tenant, entity), "M#")
	if err != nil {
		return nil, err
	}
	out := make([]settlement.FiledMonth, len(items))
	for i, it := range items {
		if err := json.Unmarshal([]byte(textOf(it, "doc")), &out[i]); err != nil {
			return nil, fault.Internal(err)
		}
	}
	return out, nil
}

// FileMonth records a filed month with its audit record.
func (s *Store) FileMonth(ctx context.Context, tenant string, f settlement.FiledMonth) error {
	doc, err := json.Marshal(f)
	if err != nil {
		return fault.Internal(err)
	}
	it := keyed(keys.FiledMonth(tenant, f.Entity, f.Month))
	it["doc"], it[attrAct] = text(string(doc)), text(f.Act)
	told, err := outbox.Put(s.Settlements, audit.Record{ID: f.Act, Tenant: tenant, At: f.At, Actor: f.By, Act: "tax.month_filed", Object: f.Entity + "#" + f.Month.String(),
		What: doc, Retention: "return"}, nil)
	if err != nil {
		return fault.Internal(err)
	}
	err = transact.Write(ctx, s.DB, s.NewToken(), []types.TransactWriteItem{transact.PutNew(s.Ledger, it), told})
	var refused *transact.Refused
	if errors.As(err, &refused) && textOf(refused.Old[0], attrAct) == f.Act {
		return nil
	}
	return rivalOr(err)
}
