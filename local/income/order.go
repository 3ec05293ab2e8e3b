package income

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Order is a commerce order as the Douyin MCN alliance interface (buyin.instituteOrderMCN) returns
// it: amounts in fen, rates times 10,000, times in Shanghai. Fields that are not needed are not
// read.
type Order struct {
	OrderID               string `json:"order_id"`
	ProductName           string `json:"product_name"`
	AuthorAccount         string `json:"author_account"`
	AuthorOpenID          string `json:"author_openid"`
	ShopID                int64  `json:"shop_id"`
	SettledGoodsAmount    int64  `json:"settled_goods_amount"`
	CommissionRate        int64  `json:"commission_rate"`
	RealCommission        int64  `json:"real_commission"`
	SettledTechServiceFee int64  `json:"settled_tech_service_fee"`
	InstitutionCommission int64  `json:"institution_commission"`
	ItemNum               int64  `json:"item_num"`
	FlowPoint             string `json:"flow_point"`
	SettleTime            string `json:"settle_time"`
	RefundTime            string `json:"refund_time"`
}

// The states of an order. Only SETTLE is income; PAY_SUCC and CONFIRM are estimates, REFUND
// reverses.
const (
	PaySucc = "PAY_SUCC"
	Confirm = "CONFIRM"
	Settle  = "SETTLE"
	Refund  = "REFUND"
)

// page is one answer of the order interface.
type page struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Data struct {
		Orders []json.RawMessage `json:"orders"`
	} `json:"data"`
}

// pageOK is the success code of the order interface.
const pageOK = 10000

// maxLine bounds one line of an NDJSON file; a page of 200 orders has about 250 KB.
const maxLine = 4 << 20

// ReadOrders reads pages of the order interface, one JSON document on each line. A wrong page or
// order is refused, and the rest is read.
func ReadOrders(r io.Reader, spec Spec) (Batch, error) {
	var out Batch
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for row := 1; lines.Scan(); row++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var p page
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			out.Refused = append(out.Refused, Remark{spec.Source, row, "", "page: " + err.Error()})
			continue
		}
		if p.Code != pageOK {
			out.Refused = append(out.Refused,
				Remark{spec.Source, row, "", fmt.Sprintf("page: code %d %s", p.Code, p.Msg)})
			continue
		}
		for _, raw := range p.Data.Orders {
			out.addOrder(spec, row, raw)
		}
	}
	if err := lines.Err(); err != nil {
		return out, fmt.Errorf("%s: %w", spec.Source, err)
	}
	return out, nil
}

// addOrder adds an order to the income lines, the refused rows or the ignored rows.
func (b *Batch) addOrder(spec Spec, row int, raw json.RawMessage) {
	var o Order
	refuse := func(err error) {
		b.Refused = append(b.Refused, Remark{spec.Source, row, o.OrderID, err.Error()})
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		refuse(err)
		return
	}
	if !o.isMoney() {
		b.Ignored++
		return
	}
	line, err := o.incomeLine(spec)
	if err != nil {
		refuse(err)
		return
	}
	b.Lines = append(b.Lines, line)
	if want := o.expectedCommission(); want.Fen() != o.RealCommission {
		b.Odd = append(b.Odd, Remark{spec.Source, row, o.OrderID,
			fmt.Sprintf("goods x rate gives %s, the platform settled %s", want,
				money.Fen(o.RealCommission))})
	}
}

// isMoney reports whether an order was settled, or was refunded after its settlement. An order
// that was refunded before its settlement was never income.
func (o Order) isMoney() bool {
	settled := o.FlowPoint == Settle || (o.FlowPoint == Refund && o.SettleTime != "")
	return settled && o.RealCommission != 0
}

// expectedCommission returns goods amount times commission rate, rounded half-even to the fen. It
// is only compared with the platform's figure, which is the base of the income.
func (o Order) expectedCommission() money.Amount {
	return money.Ratio(o.CommissionRate, 10_000).ApplyTo(money.Fen(o.SettledGoodsAmount),
		money.HalfEven)
}

// orderPattern matches the order ids of the interface.
var orderPattern = regexp.MustCompile(`^[0-9]{6,32}$`)

// maxOrder bounds an amount of an order in fen, so that sums stay far from the limit of 64 bits.
const maxOrder = 1_000_000_000_000

// validate checks the fields of an order that is income.
func (o Order) validate() error {
	if !orderPattern.MatchString(o.OrderID) {
		return errors.New("order_id is not 6 to 32 digits")
	}
	for _, n := range []int64{o.SettledGoodsAmount, o.RealCommission, o.SettledTechServiceFee,
		o.InstitutionCommission, o.ItemNum} {
		if n < 0 || n > maxOrder {
			return errors.New("an amount is negative or absurdly large")
		}
	}
	if o.CommissionRate < 0 || o.CommissionRate > 10_000 {
		return errors.New("commission_rate is above 10000")
	}
	if o.InstitutionCommission == 0 {
		return errors.New("settled, but institution_commission is 0")
	}
	return nil
}

// incomeLine returns the income line of a settled order, or the negative line of a refunded one.
// The line belongs to the month of the settlement or of the refund.
func (o Order) incomeLine(spec Spec) (Line, error) {
	if err := o.validate(); err != nil {
		return Line{}, err
	}
	l := Line{
		LineID: "dy" + o.OrderID, IncomeType: spec.IncomeType, Platform: spec.Platform,
		Source:     spec.Source,
		AccountUID: o.AuthorOpenID, Nickname: o.AuthorAccount, ShopID: fmt.Sprint(o.ShopID),
		Count: o.ItemNum, Description: o.ProductName,
	}
	var err error
	if l.CreatorID, err = spec.Roster.findCreator(spec.Platform, o.AuthorOpenID); err != nil {
		return l, err
	}
	at := o.SettleTime
	got := money.Fen(o.InstitutionCommission)
	// a refund gets its own line: the settled line may be in a statement already
	if o.FlowPoint == Refund {
		l.LineID += "-refund"
		l.Refund = got
		l.Distributable = got.Neg()
		at = o.RefundTime
	} else {
		l.Gross = money.Fen(o.RealCommission)
		l.PlatformFee = money.Fen(o.SettledTechServiceFee)
		l.Distributable = got
	}
	t, err := time.ParseInLocation("2006-01-02 15:04:05", at, civil.Shanghai)
	if err != nil || t.Year() < 2000 {
		return l, fmt.Errorf("%s at %q is no time", o.FlowPoint, at)
	}
	l.OccurredOn, l.ServicePeriod = civil.DateOf(t), civil.MonthOf(t)
	return l, nil
}
