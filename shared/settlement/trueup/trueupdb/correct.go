package trueupdb

import (
	"context"
	"slices"
	"strings"

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

// attrState is the attribute with the state of a correction; conditions compare it.
const attrState = "st"

// correctionItem is the item that stores a correction.
func correctionItem(c trueup.Correction) (item, error) {
	it, err := settlementdb.EncodeDocument(keys.Correction(c.Tenant, c.ID), c)
	if err == nil {
		it[attrState], it[attrAct] = dynamo.Text(c.State), dynamo.Text(c.Act)
	}
	return it, err
}

// Correction reads a correction consistently. The error is fault.MissingObject when there is none.
func (s *Store) Correction(ctx context.Context, tenant ident.Tenant,
	id string) (trueup.Correction, error) {
	c, err := readDocument[trueup.Correction](ctx, s, keys.Correction(tenant, id), "correction")
	c.Tenant = tenant
	return c, err
}

// Prepare writes a new correction. The error is optimistic.ErrRival when the id is taken.
func (s *Store) Prepare(ctx context.Context, c trueup.Correction) error {
	it, err := correctionItem(c)
	if err != nil {
		return err
	}
	return settlementdb.WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(),
		[]types.TransactWriteItem{dynamo.PutNew(s.Ledger, it)}), c.Act)
}

// Post writes a posted correction with its tax rows, journal entries, balances, claims and audit
// record in one transaction. The error is optimistic.ErrRival when it was posted before.
func (s *Store) Post(ctx context.Context, p trueup.Posting) error {
	it, err := correctionItem(p.Correction)
	if err != nil {
		return err
	}
	state := &types.Put{TableName: aws.String(s.Ledger), Item: it,
		ConditionExpression:                 aws.String(attrState + " = :prepared"),
		ExpressionAttributeValues:           item{":prepared": dynamo.Text(trueup.Prepared)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	rows, err := settlementdb.BookingItem(p.Correction.Tenant, p.Booking)
	if err != nil {
		return err
	}
	p.Entries = slices.Clone(p.Entries)
	for i := range p.Entries {
		if err = s.Periods.AssignPeriod(ctx, &p.Entries[i]); err != nil {
			return err
		}
	}
	entries, err := ledgerdb.EntriesWrites(s.Ledger, p.Entries)
	if err != nil {
		return err
	}
	hashes := make([]string, len(p.Entries))
	for i, e := range p.Entries {
		hashes[i] = ledgerdb.EntryHash(e)
	}
	p.Record.LedgerHash = strings.Join(hashes, ",") // one hash for each journal entry
	record, err := outbox.Put(s.Settlements, p.Record, nil)
	if err != nil {
		return fault.Internal(err)
	}
	raised, err := receivabledb.RaiseAll(s.Ledger, p.Raised)
	if err != nil {
		return err
	}
	parts := slices.Concat([]types.TransactWriteItem{{Put: state}, dynamo.PutNew(s.Ledger, rows),
		record}, entries, raised)
	return settlementdb.WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), p.Correction.Act)
}
