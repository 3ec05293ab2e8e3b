package settlementdb

import (
	"context"
	"encoding/json"

	"fenzhang/shared/fault"
	"fenzhang/shared/keys"
	"fenzhang/shared/settlement"
)

var _ settlement.DecisionStore = (*Store)(nil)

// TrueUpDecision reads the last decision of an open true-up.
func (s *Store) TrueUpDecision(ctx context.Context, tenant, entity, id string) (settlement.TrueUpDecision, error) {
	var d settlement.TrueUpDecision
	it, err := s.get(ctx, s.Ledger, keys.TrueUp(tenant, entity, id))
	if err != nil {
		return d, err
	}
	if it == nil {
		return d, fault.Absent("decision")
	}
	if err := json.Unmarshal([]byte(textOf(it, "doc")), &d); err != nil {
		return d, fault.Internal(err)
	}
	d.Tenant = tenant
	return d, nil
}
