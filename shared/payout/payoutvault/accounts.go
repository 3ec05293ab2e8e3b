// Package payoutvault decrypts a payee's sealed account when a payment is sent.
package payoutvault

import (
	"context"
	"errors"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/vault"
)

// Opener is the part of the vault that payments need.
type Opener interface {
	Open(ctx context.Context, a vault.Access) (map[string]string, error)
}

// SealingTaxpayers finds the taxpayer under whose keys a creator's account is sealed.
type SealingTaxpayers interface {
	// SealingTaxpayer returns the taxpayer with which the creator was recorded. A merge gives the
	// creator another taxpayer for taxes, but its sealed account stays under the first one. Errors:
	// 3003 when there is no such creator.
	SealingTaxpayer(ctx context.Context, tenant ident.Tenant,
		creator ident.Creator) (ident.Taxpayer, error)
}

// Accounts implements payout.Accounts.
type Accounts struct {
	Vault   Opener
	Keepers SealingTaxpayers
}

var _ payout.Accounts = Accounts{}

// FindPayee decrypts the account of the creator; the vault stores an audit record of the read
// first. A creator without an account is 5002 payee_missing.
func (a Accounts) FindPayee(ctx context.Context, p payout.Payable) (payout.Payee, error) {
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
			fault.MissingRule("payee_missing", "payout account",
				"The creator has no payout account; record one, and the payment goes on.").Wrap(err)
	}
	if err != nil {
		return payout.Payee{}, err
	}
	return payout.Payee{Account: fields[vault.Account], Holder: fields[vault.Holder]}, nil
}
