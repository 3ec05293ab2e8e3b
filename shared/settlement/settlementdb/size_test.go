package settlementdb

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
)

// unpacked is a word that no dictionary knows and that does not repeat, as ids are.
func unpacked(of string, n int) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:])[:n]
}

// act gives ids as real ones are.
func act(of string) string {
	sum := sha256.Sum256([]byte(of))
	return ids.FormatID([16]byte(sum[:]))
}

// busy is a settlement on which all that can stand does: findings, three approvals, two set-offs, payees, a hold with
// a person's words, a payout that was made.
func busy() settlement.Settlement {
	at := func(n int64) time.Time { return time.UnixMilli(1789437600000 + n*86_400_017).In(civil.Shanghai) }
	yuan := money.MustParse
	net, pay := yuan("51234.56"), yuan("48111.06")
	id := settlement.IDOf(unpacked("identity", 32), 1)
	return settlement.Settlement{
		Opening: settlement.Opening{Tenant: "demo-mcn", ID: id, Identity: unpacked("identity", 32), Occurrence: 1, CreatorID: ident.Creator("c-" + unpacked("c", 12)), TaxpayerID: ident.Taxpayer("tp-" + unpacked("tp", 12)),
			Entity: "ent-hangzhou", Contract: "ct-" + unpacked("ct", 12), ContractVersion: 3, Route: "studio_invoice", IncomeType: "commerce_commission", Platform: "douyin",
			ActivityID: "stmt:commerce_commission:2026-08-H1", TS: 1787155200000, ContentHash: unpacked("content", 64), TraceID: "", ServicePeriod: civil.MustDate("2026-08-01").Month(),
			Part: "H1", VATDate: civil.MustDate("2026-08-31"), PayOn: civil.MustDate("2026-09-15"), Gross: yuan("104321.09"),
			Shares: []split.Share{{Party: "creator", Kind: split.KindCreator, Amount: yuan("62592.65")}, {Party: "mcn", Kind: split.KindMCN, Amount: yuan("31296.33")},
				{Party: "c-" + unpacked("payee", 12), Kind: split.KindPayee, Amount: yuan("10432.11")}},
			Source: settlement.SourceClearing, RevenueBasis: "gross", VATIncluded: true, NeedsInvoice: true, NeedsConfirm: true, PayMethod: "bank", OpenedAt: at(0), OpenedBy: act("opened"), Opener: "system:build-statements"},
		Status: settlement.Paying, StatusVersion: 4, LastUpdated: at(9), Revision: 17, PaymentDate: civil.MustDate("2026-09-15"), Quote: unpacked("q", 16), Booking: unpacked("b", 16), BookedEntry: act("booked"),
		Net: net, ToPay: pay, ApprovedNet: &net, ApprovedPay: &pay,
		Hold: &settlement.Hold{Reason: settlement.HoldRisk, Owner: "finance@demo-mcn", Until: civil.MustDate("2026-09-30"), Text: "账户在付款前一天改过，请与达人电话核对后再放行。", ByHand: true},
		SetOffs: []settlement.SetOff{{Receivable: "rcv-" + act("r1"), Kind: "refund_recovery", Amount: yuan("2123.50"), Document: "退款单2026-0815"},
			{Receivable: settlement.ShortfallPrefix + settlement.IDOf(unpacked("earlier", 32), 1), Kind: "tax_shortfall", Amount: yuan("1000.00"), Document: settlement.IDOf(unpacked("earlier", 32), 1)}},
		Payout:    &settlement.Payout{Key: unpacked("key", 32), Method: "bank", State: payout.Created},
		Preparers: []string{"admin@demo-mcn", "finance@demo-mcn", "operator@demo-mcn", "supervisor@demo-mcn"}, Parties: []settlement.PartyLink{{Occurrence: 1}},
		Approvals: []settlement.Approval{{By: "approver@demo-mcn", Net: net}, {By: "chief@demo-mcn", Net: net}, {By: "director@demo-mcn", Net: yuan("51000.12")}},
		Review:    &settlement.Review{Version: 2, Findings: []string{"amount", "velocity", "changed_account", "set_off"}, Approvers: 3, Hold: settlement.HoldRisk},
		Waived:    []string{settlement.HoldRisk, settlement.HoldPaper}, HeldSince: at(9), StatementSent: true, Confirmed: true, ConfirmBy: civil.MustDate("2026-09-10"),
		Paper:   &settlement.InvoicePaper{Number: "26332000000012345678", IssuedOn: civil.MustDate("2026-09-02"), Amount: yuan("62592.65"), FileSHA256: unpacked("file", 64)},
		Arrival: at(10), FirstArrival: at(3), TransitionID: act("booked"),
		History: []settlement.Move{{From: settlement.PendingReview, To: settlement.InReview, At: at(1), By: "finance@demo-mcn", TransitionID: act("in review")},
			{From: settlement.InReview, To: settlement.Approved, At: at(2), By: "director@demo-mcn", TransitionID: act("approved"), Reason: "month end"},
			{From: settlement.Approved, To: settlement.Paying, At: at(8), By: "system:compute-tax", TransitionID: act("booked")}},
		Last: settlement.Act{ID: act("held"), Name: "settlement.held", By: "finance@demo-mcn", Ledger: ""},
	}
}

// sizeOf is the size of an item as the table counts it, numbers being counted a little too large.
func sizeOf(it item) int {
	n := 0
	for name, v := range it {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += len(v.Value)/2 + 2
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		}
	}
	return n
}

// A move writes META whole, so its size is what each of them costs: one write unit, whatever stands on it.
func TestMETAStaysWithinOneWriteUnit(t *testing.T) {
	full := busy()
	free := full
	free.Hold, free.HeldSince, free.Paper, free.NeedsInvoice = nil, time.Time{}, nil, false
	called := free
	called.ActivityID, called.Part, called.TraceID, called.Parties, called.Opener = "live-"+unpacked("activity", 20), "", unpacked("trace", 32), nil, "operator@demo-mcn"
	paid := free
	paid.Status, paid.StatusVersion, paid.Payout = settlement.Paid, 5, &settlement.Payout{Key: full.Payout.Key, Method: "bank", State: payout.Paid, SentAt: full.LastUpdated, GatewayID: "20260915000000000000000001"}
	paid.TransitionID = act("paid")
	paid.History = append(slices.Clip(full.History), settlement.Move{From: settlement.Paying, To: settlement.Paid, At: full.LastUpdated, By: "system:payout", TransitionID: paid.TransitionID})
	paid.Last = settlement.Act{ID: paid.TransitionID, Name: "payout.paid", By: "system:payout", Ledger: unpacked("ledger", 64)}
	for name, s := range map[string]settlement.Settlement{"held": full, "on no hold": free, "opened by a call": called, "paid": paid} {
		it := metaItem(s)
		n := sizeOf(it)
		t.Logf("META %-18s %4d bytes, %d of them packed", name, n, len(readBinary(it, attrMeta)))
		if n > 1024 {
			t.Errorf("META of a settlement that is %s takes %d bytes, more than one write unit", name, n)
		}
		if back, err := DecodeMeta(it); err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("%s: %v\n%+v\n%+v", name, err, back, s)
		}
	}
}
