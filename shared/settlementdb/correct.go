package settlementdb

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/fault"
	"fenzhang/shared/keys"
	"fenzhang/shared/ledgerdb"
	"fenzhang/shared/outbox"
	"fenzhang/shared/receivabledb"
	"fenzhang/shared/settlement"
	"fenzhang/shared/transact"
)

var _ settlement.CorrectionStore = (*Store)(nil)

// attrState is the state of a correction, for conditions.
const attrState = "st"

func correctionItem(c settlement.Correction) (item, error) {
	doc, err := json.Marshal(c)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := keyed(keys.Correction(c.Tenant, c.ID))
	it["doc"], it[attrState], it[attrAct] = text(string(doc)), text(c.State), text(c.Act)
	return it, nil
}

// Correction reads a correction.
func (s *Store) Correction(ctx context.Context, tenant, id string) (settlement.Correction, error) {
	var c settlement.Correction
	it, err := s.get(ctx, s.Ledger, keys.Correction(tenant, id))
	if err != nil {
		return c, err
	}
	if it == nil {
		return c, fault.Absent("correction")
	}
	if err := json.Unmarshal([]byte(textOf(it, "doc")), &c); err != nil {
		return c, fault.Internal(err)
	}
	c.Tenant = tenant
	return c, nil
}

// Prepare writes a new correction.
func (s *Store) Prepare(ctx context.Context, c settlement.Correction) error {
	it, err := correctionItem(c)
	if err != nil {
		return err
	}
	return rivalOr(transact.Write(ctx, s.DB, s.NewToken(), []types.TransactWriteItem{transact.PutNew(s.Ledger, it)}))
}

func rivalOr(err error) error {
	var refused *transact.Refused
	if errors.As(err, &refused) {
		return settlement.ErrRival
	}
	return err
}

// Post writes a correction with its rows, journal entries, balances and audit record, or nothing.
func (s *Store) Post(ctx context.Context, p settlement.Posting) error {
	it, err := correctionItem(p.Correction)
	if err != nil {
		return err
	}
	state := &types.Put{TableName: aws.String(s.Ledger), Item: it, ConditionExpression: aws.String(attrState + " = :prepared"),
		ExpressionAttributeValues:           item{":prepared": text(settlement.Prepared)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	rows, err := RowsItem(p.Correction.Tenant, p.Booking)
	if err != nil {
		return err
	}
	p.Entries = slices.Clone(p.Entries)
	for i := range p.Entries {
		if p.Entries[i], err = s.dated(ctx, p.Entries[i]); err != nil {
			return err
		}
	}
	entries, err := ledgerdb.PartsOf(s.Ledger, p.Entries)
	if err != nil {
		return err
	}
	hashes := make([]string, len(p.Entries))
	for i, e := range p.Entries {
		hashes[i] = ledgerdb.Hash(e)
	}
	p.Record.LedgerHash = strings.Join(hashes, ",") // one for each entry
	told, err := outbox.Put(s.Settlements, p.Record, nil)
	if err != nil {
		return fault.Internal(err)
	}
	parts := append([]types.TransactWriteItem{{Put: state}, transact.PutNew(s.Ledger, rows), told}, entries...)
	for _, r := range p.Raised {
		put, err := receivabledb.Raise(s.Ledger, r)
		if err != nil {
			return err
		}
		parts = append(parts, put)
	}
	err = transact.Write(ctx, s.DB, s.NewToken(), parts)
	var refused *transact.Refused
	if errors.As(err, &refused) && textOf(refused.Old[0], attrAct) == p.Correction.Act {
		return nil // the answer to an earlier try was lost
	}
	return rivalOr(err)
}

// LoadAll reads settlements by their ids.
func (s *Store) LoadAll(ctx context.Context, tenant string, ids []string) ([]settlement.Settlement, error) {
	hits := make([]hit, len(ids))
	for i, id := range ids {
		hits[i].PK = keys.Settlement(tenant, id).PK
	}
	return s.load(ctx, hits)
}
