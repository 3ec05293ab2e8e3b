package trueupdb

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/settlement/receivable/receivabledb"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/settlement/trueup"
)

// Decision reads the last decision on an open true-up consistently. The error is
// fault.MissingObject when there is none.
func (s *Store) Decision(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	id string) (trueup.Decision, error) {
	d, err := readDocument[trueup.Decision](ctx, s, keys.TrueUp(tenant, entity, id), "decision")
	d.Tenant = tenant
	return d, err
}

// WriteDecision writes a decision with its tax rows, journal entry, balances, claim and audit
// record in one transaction. The error is optimistic.ErrRival when another decision on the same
// true-up was stored first.
func (s *Store) WriteDecision(ctx context.Context, w trueup.DecisionWrite) error {
	d := w.Decision
	it, err := settlementdb.EncodeDocument(keys.TrueUp(d.Tenant, d.Entity, d.ID), d)
	if err != nil {
		return err
	}
	it[attrAct] = dynamo.Text(d.Act)
	put := &types.Put{TableName: aws.String(s.Ledger), Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if w.Before != "" {
		put.ConditionExpression, put.ExpressionAttributeNames = aws.String("#act = :before"),
			map[string]string{"#act": attrAct}
		put.ExpressionAttributeValues = item{":before": dynamo.Text(w.Before)}
	}
	parts := []types.TransactWriteItem{{Put: put}}
	posted, err := s.postDecision(ctx, &w)
	if err != nil {
		return err
	}
	record, err := outbox.Put(s.Settlements, w.Record, nil)
	if err != nil {
		return fault.Internal(err)
	}
	return settlementdb.WriteOutcome(
		dynamo.Transact(ctx, s.DB, s.NewToken(), append(append(parts, posted...), record)), d.Act)
}

// postDecision returns the parts of the transaction that post a decision, and sets the hash of its
// journal entry in the audit record.
func (s *Store) postDecision(ctx context.Context,
	w *trueup.DecisionWrite) ([]types.TransactWriteItem, error) {
	if w.Booking == nil {
		return nil, nil
	}
	rows, err := settlementdb.BookingItem(w.Decision.Tenant, *w.Booking)
	if err != nil {
		return nil, err
	}
	e := *w.Entry
	if err := s.Periods.AssignPeriod(ctx, &e); err != nil {
		return nil, err
	}
	parts, err := ledgerdb.EntryWrites(s.Ledger, e)
	if err != nil {
		return nil, err
	}
	w.Record.LedgerHash = ledgerdb.EntryHash(e)
	raised, err := receivabledb.RaiseAll(s.Ledger, w.Raised)
	if err != nil {
		return nil, err
	}
	return slices.Concat(parts, raised, []types.TransactWriteItem{dynamo.PutNew(s.Ledger, rows)}), nil
}
