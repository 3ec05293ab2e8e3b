package payoutvault_test

import (
	"context"
	"errors"
	"testing"

	"fenzhang/shared/fault"
	"fenzhang/shared/payout"
	"fenzhang/shared/payoutvault"
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

func TestPayee(t *testing.T) {
	o := &opener{}
	p := payout.Payable{Tenant: "demo-mcn", TaxpayerID: "t1", CreatorID: "c1", SettlementID: "s1", Trace: "trace"}
	got, err := payoutvault.Accounts{Vault: o}.Payee(context.Background(), p)
	if err != nil || got.Account != "open-id-1" || got.Holder != "张三" {
		t.Errorf("%v, %v", got, err)
	}
	want := vault.Access{Tenant: "demo-mcn", Taxpayer: "t1", Record: vault.OfCreator("c1"), Actor: "system:pay-out", Why: "payout", Object: "s1", Trace: "trace"}
	if o.asked != want {
		t.Errorf("opened %+v, want %+v", o.asked, want)
	}
}

func TestPayeeErrors(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct{ from, want error }{
		"no account": {vault.ErrNotSealed, &fault.Error{Code: fault.RuleMissing, Reason: "payee_missing"}},
		"vault away": {broken, broken},
	} {
		if _, err := (payoutvault.Accounts{Vault: &opener{err: c.from}}).Payee(context.Background(), payout.Payable{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
