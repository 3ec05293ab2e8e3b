package payoutvault_test

import (
	"context"
	"errors"
	"testing"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/payoutvault"
	"fenzhang/shared/vault"
)

type opener struct {
	asked vault.Access
	err   error
}

func (o *opener) Open(_ context.Context, a vault.Access) (map[string]string, error) {
	o.asked = a
	return map[string]string{vault.Account: "open-id-1", vault.Holder: "张三"}, o.err
}

// keepers has one creator, recorded with t1.
type keepers struct{}

func (keepers) SealingTaxpayer(_ context.Context, _ ident.Tenant, creator ident.Creator) (ident.Taxpayer, error) {
	if creator != "c1" {
		return "", fault.MissingObject("creator")
	}
	return "t1", nil
}

// The account stays sealed under the taxpayer that the creator was recorded with, whoever it is taxed as since.
func TestPayee(t *testing.T) {
	o := &opener{}
	p := payout.Payable{Tenant: "demo-mcn", TaxpayerID: "t2", CreatorID: "c1", SettlementID: "s1", Trace: "trace"}
	got, err := payoutvault.Accounts{Vault: o, Keepers: keepers{}}.FindPayee(context.Background(), p)
	if err != nil || got.Account != "open-id-1" || got.Holder != "张三" {
		t.Errorf("%v, %v", got, err)
	}
	want := vault.Access{Tenant: "demo-mcn", Taxpayer: "t1", Record: vault.CreatorRecord("c1"), Actor: "system:pay-out", Why: "payout", Object: "s1", Trace: "trace"}
	if o.asked != want {
		t.Errorf("opened %+v, want %+v", o.asked, want)
	}
}

func TestPayeeErrors(t *testing.T) {
	broken := errors.New("broken")
	if _, err := (payoutvault.Accounts{Vault: &opener{}, Keepers: keepers{}}).FindPayee(context.Background(), payout.Payable{CreatorID: "c2"}); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("a creator that is not there: %v", err)
	}
	for name, c := range map[string]struct{ from, want error }{
		"no account": {vault.ErrNotSealed, &fault.Error{Code: fault.RuleMissing, Reason: "payee_missing"}},
		"vault away": {broken, broken},
	} {
		if _, err := (payoutvault.Accounts{Vault: &opener{err: c.from}, Keepers: keepers{}}).FindPayee(context.Background(), payout.Payable{CreatorID: "c1"}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
