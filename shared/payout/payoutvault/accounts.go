// Package payoutvault opens a payee's sealed account at the moment of paying.
package payoutvault

import (
	"context"
	"errors"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/vault"
)

// Opener is the part of the vault that paying needs.
type Opener interface {
	Open(ctx context.Context, a vault.Access) (map[string]string, error)
}

// SealingTaxpayers tells under which taxpayer a creator's account is sealed.
type SealingTaxpayers interface {
	// SealedUnder gives the taxpayer that the creator was recorded with. A merge gives the creator
	// another one for taxes; what is sealed stays where it is. fault.Absent when there is no such
	// creator.
	SealingTaxpayer(ctx context.Context, tenant ident.Tenant,
		creator ident.Creator) (ident.Taxpayer, error)
}

// Accounts implements payout.Accounts.
type Accounts struct {
	Vault   Opener
	Keepers SealingTaxpayers
}

var _ payout.Accounts = Accounts{}

// Payee opens the account of the creator; the vault tells the audit first. A creator without an
// account is fault.RuleMissing with reason payee_missing.
func (a Accounts) Payee(ctx context.Context, p payout.Payable) (payout.Payee, error) {
	keeper, err := a.Keepers.SealingTaxpayer(ctx, p.Tenant, p.CreatorID)
	if err != nil {
		return payout.Payee{}, err
	}
	fields, err := a.Vault.Open(ctx, vault.Access{
		Tenant: p.Tenant, Taxpayer: keeper, Record: vault.CreatorRecord(p.CreatorID),
		Actor: "system:pay-out", Why: "payout", Object: p.SettlementID, Trace: p.Trace,
	})
	if errors.Is(err, vault.ErrNotSealed) {
		return payout.Payee{},
			fault.Missing("payee_missing", "payout account",
				"The creator has no payout account; record one, and the payment goes on.").Wrap(err)
	}
	if err != nil {
		return payout.Payee{}, err
	}
	return payout.Payee{Account: fields[vault.Account], Holder: fields[vault.Holder]}, nil
}
